// Whether a query keeps endpoints apart. One that shows ports or processes must show whose they are: on a node of
// Kubernetes every workload listens on port 8080, and what two of them do would be one figure. A query that shows neither
// is a total over all that is selected, and means to be.

import { parser } from "@prometheus-io/lezer-promql";
import type { SyntaxNode } from "@lezer/common";

import type { Contract } from "./contract.js";
import { filledIn } from "./promql.js";

/** Labels that look like an endpoint's name, and are not all of it. */
const NAMES = ["server_port", "process"];

/** How a query takes figures of several endpoints for one's; nothing if it does not. */
export function together(contract: Contract, expr: string): string[] {
  const text = filledIn(expr);
  const found: string[] = [];
  const say = (node: SyntaxNode) => text.slice(node.from, node.to);
  const labels = (node: SyntaxNode | null) => node?.getChild("GroupingLabels")?.getChildren("LabelName").map(say) ?? [];
  const missing = (named: string[]) => contract.endpoint.filter((label) => !named.includes(label));
  const dropped = (named: string[]) => contract.endpoint.filter((label) => named.includes(label));

  /** Whether what a part of the query says is said of each endpoint. */
  function each(node: SyntaxNode): boolean {
    switch (node.name) {
      case "VectorSelector":
        return contract.metrics.get(say(node.getChild("Identifier") ?? node))?.ofEndpoints === true;
      case "AggregateExpr":
        return aggregated(node);
      case "BinaryExpr":
        return combined(node);
      default:
        return children(node).map(each).some(Boolean);
    }
  }

  function aggregated(node: SyntaxNode): boolean {
    const within = node.getChild("FunctionCallBody");
    const inner = within !== null && each(within);
    const modifier = node.getChild("AggregateModifier");
    if (!inner) return false;
    if (modifier === null) return /^(top|bottom|limit)/.test(say(node));
    const named = labels(modifier);
    if (modifier.getChild("Without") !== null) {
      const lost = dropped(named);
      if (lost.length > 0) found.push(`without ${lost.join(", ")}`);
      return lost.length === 0;
    }
    if (!NAMES.some((label) => named.includes(label))) return false;
    const left = missing(named);
    if (left.length > 0) found.push(`by ${named.join(", ")}: not ${left.join(", ")}`);
    return true;
  }

  function combined(node: SyntaxNode): boolean {
    const clause = node.getChild("MatchingModifierClause");
    const operator = node.getChild("And") ?? node.getChild("Or") ?? node.getChild("Unless");
    const [left, right] = [node.firstChild, node.lastChild].map((side) => side !== null && each(side));
    if (left && right && clause !== null) {
      const named = labels(clause);
      const wrong = clause.getChild("On") !== null ? missing(named) : dropped(named);
      if (wrong.length > 0) found.push(`matched without ${wrong.join(", ")}`);
    }
    if (operator?.name === "And" || operator?.name === "Unless") return left === true;
    return left === true || right === true;
  }

  each(parser.parse(text).topNode);
  return found;
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}
