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

export function increase(selector: string): string {
  return `increase(${selector}[$__rate_interval])`;
}

/** What an endpoint is known by, on its node. */
export const ENDPOINT_LABELS = "instance, role, server_port, process";
