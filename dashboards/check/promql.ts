// What a query names, as the parser of Prometheus's own page reads it.

import { parser } from "@prometheus-io/lezer-promql";
import type { SyntaxNode } from "@lezer/common";

export interface Matcher {
  label: string;
  operator: string;
  value: string;
}

export interface Selector {
  metric: string;
  matchers: Matcher[];
}

export interface Named {
  selectors: Selector[];
  /** Labels of by, without, on, ignoring, group_left and group_right. */
  grouping: string[];
}

/** Grafana's own variables, by values of their kind; the dashboards' are within strings, where anything parses. */
export function filledIn(expr: string, values: Record<string, string> = {}): string {
  const all: Record<string, string> = { __rate_interval: "1m", __range: "1h", __interval: "15s", ...values };
  return expr.replace(/\$(\w+)/g, (variable, name: string) => all[name] ?? variable);
}

export function read(expr: string): Named {
  const text = filledIn(expr);
  const named: Named = { selectors: [], grouping: [] };
  const say = (node: SyntaxNode) => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter: ({ node }) => {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${text}`);
      if (node.name === "VectorSelector") {
        const metric = node.getChild("Identifier");
        if (metric === null) throw new Error(`a selector without a metric: ${say(node)}`);
        const matchers = node.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [];
        named.selectors.push({ metric: say(metric), matchers: matchers.map((matcher) => parts(matcher, say)) });
      }
      if (node.name === "GroupingLabels") named.grouping.push(...node.getChildren("LabelName").map(say));
    },
  });
  return named;
}

function parts(matcher: SyntaxNode, say: (node: SyntaxNode) => string): Matcher {
  const [label, operator, value] = ["LabelName", "MatchOp", "StringLiteral"].map((name) => matcher.getChild(name));
  if (!label || !operator || !value) throw new Error(`no matcher: ${say(matcher)}`);
  return { label: say(label), operator: say(operator), value: say(value).slice(1, -1) };
}
