// Pieces of PromQL that several panels need.

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

/** What an endpoint is known by, on its node. */
export const ENDPOINT_LABELS = "instance, role, server_port, process";
