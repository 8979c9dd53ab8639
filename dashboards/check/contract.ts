// The metrics that there are, their labels and the labels' values, as docs/metrics.md has them. The agent's own tests
// hold that page against a scrape.

import { readFile } from "node:fs/promises";

export interface Metric {
  labels: Set<string>;
  /** Whether it has a series for each endpoint. */
  ofEndpoints: boolean;
}

export interface Contract {
  /** By the name in a query: a histogram's are its buckets, sum and count. */
  metrics: Map<string, Metric>;
  /** The values of labels whose set is closed. */
  values: Map<string, string[]>;
  /** Labels that say whose an endpoint is. */
  workload: string[];
  /** All labels that an endpoint is known by, whatever the node. */
  endpoint: string[];
}

/** What the labels of a target and of a cluster add, and what Prometheus says of each scrape itself. */
const OF_TARGETS = ["cluster", "job", "instance"];
const OF_ENDPOINTS = ["role", "server_port", "process"];
/** What they say of a name beside them: whoever has the name knows the workload. */
const DESCRIPTIVE = ["k8s_workload_kind"];
const OF_PROMETHEUS = ["up", "scrape_duration_seconds", "scrape_samples_scraped"];

export async function read(page: string): Promise<Contract> {
  const text = await readFile(page, "utf8");
  const metrics = new Map<string, Metric>();
  const labels = rows(text, "workload labels").map(([label = ""]) => label);
  const workload = labels.filter((label) => !DESCRIPTIVE.includes(label));
  const add = (name: string, own: string[]) => {
    const ofEndpoints = OF_ENDPOINTS.every((label) => own.includes(label));
    metrics.set(name, { labels: new Set([...own, ...(ofEndpoints ? labels : []), ...OF_TARGETS]), ofEndpoints });
  };
  for (const [name = "", kind = "", list = ""] of rows(text, "families")) {
    const own = words(list);
    if (kind === "histogram") {
      add(`${name}_bucket`, [...own, "le"]);
      add(`${name}_sum`, own);
      add(`${name}_count`, own);
    } else {
      add(name, own);
    }
  }
  for (const name of OF_PROMETHEUS) add(name, []);
  const values = new Map(rows(text, "values").map(([label = "", set = ""]) => [label, words(set)]));
  const endpoint = [...OF_TARGETS.filter((label) => label !== "job"), ...OF_ENDPOINTS, ...workload];
  return { metrics, values, workload, endpoint };
}

/** The cells of a table between its two marks, without its head. */
function rows(text: string, mark: string): string[][] {
  const between = text.split(`<!-- ${mark} -->`)[1]?.split(`<!-- end of ${mark} -->`)[0];
  if (between === undefined) throw new Error(`the page has no table between the marks of ${mark}`);
  const lines = between.trim().split("\n").slice(2);
  if (lines.length === 0) throw new Error(`the table of ${mark} is empty`);
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

function words(list: string): string[] {
  return list.split(",").map((word) => word.trim()).filter((word) => word !== "");
}
