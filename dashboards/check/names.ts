// Whether what the dashboards name is there: metrics, labels, and values of labels.

import type { Dashboard } from "../source/model.js";
import type { Contract } from "./contract.js";
import { type Matcher, read } from "./promql.js";

/** What a query or a legend names and the contract does not have. */
export function unknown(contract: Contract, expr: string, legend = ""): string[] {
  const found: string[] = [];
  const { selectors, grouping } = read(expr);
  const labels = new Set<string>();
  for (const { metric, matchers } of selectors) {
    const known = contract.metrics.get(metric);
    if (known === undefined) {
      found.push(`metric ${metric}`);
      continue;
    }
    for (const label of known.labels) labels.add(label);
    for (const matcher of matchers) {
      if (!known.labels.has(matcher.label)) found.push(`label ${matcher.label} of ${metric}`);
      else if (!matchesSomething(contract, matcher)) found.push(`${matcher.label}="${matcher.value}" of ${metric}`);
    }
  }
  const named = [...grouping, ...[...legend.matchAll(/{{\s*(\w+)\s*}}/g)].map((match) => match[1] ?? "")];
  for (const label of named) if (!labels.has(label)) found.push(`label ${label}`);
  return found;
}

/** Of a closed set, every alternative must be a word; a variable matches whatever there is. */
function matchesSomething(contract: Contract, { label, operator, value }: Matcher): boolean {
  const words = contract.values.get(label);
  if (words === undefined || value.includes("$")) return true;
  const alternatives = operator.includes("~") ? value.split("|") : [value];
  return alternatives.every((alternative) => words.includes(alternative));
}

export interface Question {
  where: string;
  expr: string;
  legend?: string | undefined;
}

/** All queries of a dashboard. */
export function questions(dashboard: Dashboard): Question[] {
  return dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ refId, expr, legendFormat }) => ({ where: `${panel.title} ${refId}`, expr, legend: legendFormat })),
  );
}

/** The series and the label that a variable's values come from. */
export function variableSources(dashboard: Dashboard): { name: string; series: string; label: string }[] {
  return dashboard.templating.list
    .filter(({ type }) => type === "query")
    .map(({ name, query }) => {
      const text = (query as { query: string }).query;
      const parts = /^label_values\((.*), (\w+)\)$/.exec(text);
      if (parts === null) throw new Error(`variable ${name} is no label_values(series, label): ${text}`);
      return { name, series: parts[1] ?? "", label: parts[2] ?? "" };
    });
}
