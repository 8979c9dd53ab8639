// What the rules, the example for Alertmanager and the queries in the docs make of endpoints.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { parse } from "yaml";

import { together } from "./apart.js";
import { type Contract, read } from "./contract.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const text = async (path: string) => await readFile(join(ROOT, path), "utf8");

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  annotations?: Record<string, string>;
}

async function rules(name: string): Promise<Rule[]> {
  const file = parse(await text(`dashboards/prometheus/${name}`)) as { groups: { rules: Rule[] }[] };
  return file.groups.flatMap((group) => group.rules);
}

const records = await rules("whohungup.rules.yml");
const alerts = await rules("whohungup.alerts.yml");

/** With the recorded series, whose level is the first part of their name. */
async function withRecords(): Promise<Contract> {
  const contract = await read(join(ROOT, "docs/metrics.md"));
  for (const { record = "" } of records) {
    const ofEndpoints = record.startsWith("endpoint");
    contract.metrics.set(record, { labels: new Set(contract.endpoint), ofEndpoints });
  }
  return contract;
}

const contract = await withRecords();

test("no rule takes two workloads for one", () => {
  const all = [...records, ...alerts];
  assert.ok(all.length > 15);
  const found = all.flatMap(({ record, alert, expr }) => together(contract, expr).map((what) => `${record ?? alert}: ${what}`));
  assert.deepEqual(found, []);
});

test("rules that join agents join those of one cluster", () => {
  for (const { expr } of [...records, ...alerts]) {
    for (const [, labels = ""] of expr.matchAll(/\bon \(([^)]+)\)/g)) assert.match(labels, /^cluster, job, instance/, expr);
  }
});

test("an alert that names a process says whose it is", () => {
  const ofEndpoints = alerts.filter(({ annotations }) => annotations?.["summary"]?.includes("$labels.process"));
  assert.ok(ofEndpoints.length >= 8);
  for (const { alert, annotations } of ofEndpoints) {
    const named = [...(annotations?.["summary"] ?? "").matchAll(/\$labels\.(\w+)/g)].map((match) => match[1] ?? "");
    assert.deepEqual(contract.endpoint.filter((label) => !named.includes(label)), [], alert);
  }
});

test("Alertmanager's example suppresses nothing of another workload", async () => {
  const example = parse(await text("dashboards/prometheus/alertmanager.example.yml")) as { inhibit_rules: { equal: string[] }[] };
  for (const { equal } of example.inhibit_rules) {
    const mayDiffer = ["role", "process"];
    assert.deepEqual(contract.endpoint.filter((label) => !equal.includes(label)).sort(), mayDiffer.sort());
  }
});

test("no query of the docs takes two workloads for one", async () => {
  const runbooks = (await readdir(join(ROOT, "docs/runbooks"))).map((name) => `docs/runbooks/${name}`);
  let asked = 0;
  for (const page of ["docs/metrics.md", "dashboards/README.md", ...runbooks]) {
    for (const expr of queries(await text(page))) {
      asked += 1;
      assert.deepEqual(together(contract, expr), [], `${page}: ${expr}`);
    }
  }
  assert.ok(asked > 25, String(asked));
});

/** In blocks of PromQL, of which blank lines and new beginnings part the queries, and in the last column of a table. */
function queries(page: string): string[] {
  const blocks = [...page.matchAll(/```promql\n(.*?)```/gs)].map((match) => match[1] ?? "");
  const ofBlocks = blocks.flatMap((block) => block.split(/\n(?=\s*\n|\s*[a-z])/));
  const ofTables = [...page.matchAll(/\| `([^`]*whohungup_[^`]*[({][^`]*)` \|$/gm)].map((match) => match[1] ?? "");
  return [...ofBlocks, ...ofTables].map((query) => query.trim()).filter((query) => query !== "");
}
