// Pieces of PromQL that several panels need.

import { ENDPOINT } from "./labels.js";

/**
 * How often something happened within the time range. A series that is younger than the range began at 0 with its
 * endpoint, and may have been at 1 when it was first seen, which increase() does not count: its value is the answer.
 */
export function happened(selector: string): string {
  return `(${selector} unless ${selector} offset $__range) or increase(${selector}[$__range])`;
}

export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

/** Per minute, for what is rare. Not a count for each bar: Grafana's windows overlap. */
export function perMinute(selector: string): string {
  return `60 * ${rate(selector)}`;
}

/** Labels that a row is known by, in one: every column of a table must have it. */
export const ROW = "endpoint";

/**
 * A row of a table for each endpoint. Grafana makes one row of those that agree in all labels that both have: without a
 * label in common, a pod's headroom would be put beside a unit's losses.
 */
export function rows(expr: string): string {
  return `label_join(${expr}, "${ROW}", "|", ${ENDPOINT.map(({ label }) => `"${label}"`).join(", ")})`;
}
