import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ALL } from "../source/all.js";
import { ENDPOINT, WORKLOAD } from "../source/labels.js";
import type { Dashboard, Panel } from "../source/model.js";
import { ROW } from "../source/queries.js";
import { together } from "./apart.js";
import { read } from "./contract.js";
import { questions, unknown, variableSources } from "./names.js";

const PAGE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "docs", "metrics.md");
const contract = await read(PAGE);

for (const [name, dashboard] of Object.entries(ALL)) {
  test(`every metric, label and value that ${name} names is in docs/metrics.md`, () => {
    const asked = questions(dashboard);
    assert.ok(asked.length > 0);
    const found = asked.flatMap(({ where, expr, legend }) => unknown(contract, expr, legend).map((what) => `${where}: ${what}`));
    for (const { name: variable, series, label } of variableSources(dashboard)) {
      found.push(...unknown(contract, series, `{{${label}}}`).map((what) => `variable ${variable}: ${what}`));
    }
    assert.deepEqual(found, []);
  });

  test(`every panel of ${name} says what it answers, and no two the same`, () => {
    const panels = dashboard.panels.filter(({ type }) => type !== "row");
    for (const { title, description } of panels) assert.ok((description ?? "").length > 20, `${title} has no description`);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length);
  });

  test(`no panel of ${name} lies on another or beside the grid`, () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, `${title} ends beside the grid`);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} lies on another panel`);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });
}

for (const [name, dashboard] of Object.entries(ALL)) {
  test(`no query of ${name} takes two workloads for one`, () => {
    const found = questions(dashboard).flatMap(({ where, expr }) => together(contract, expr).map((what) => `${where}: ${what}`));
    assert.deepEqual(found, []);
  });

  test(`whoever reads ${name} sees whose each line and row is`, () => {
    const found: string[] = [];
    for (const { where, legend = "" } of questions(dashboard)) {
      const named = [...legend.matchAll(/{{(\w+)}}/g)].map((match) => match[1] ?? "");
      if (named.includes("process") || named.includes("server_port")) found.push(...missing(where, named));
    }
    for (const panel of tables(dashboard)) found.push(...missing(panel.title, Object.keys(columns(panel))));
    assert.deepEqual(found, []);
  });

  test(`every row of ${name} that is joined from several queries is known by one label`, () => {
    for (const panel of tables(dashboard).filter(({ targets }) => (targets ?? []).length > 1)) {
      for (const { expr } of panel.targets ?? []) {
        assert.ok(expr.startsWith("label_join(") && expr.endsWith(`"${ROW}", "|", ${ENDPOINT.map(({ label }) => `"${label}"`).join(", ")})`), expr);
      }
      const organize = panel.transformations?.find(({ id }) => id === "organize")?.options as { excludeByName: object } | undefined;
      assert.ok(organize !== undefined && ROW in organize.excludeByName, panel.title);
    }
  });

  test(`every link of ${name} to one endpoint carries all that it is known by`, () => {
    const known = new Set(ALL["endpoint"]?.templating.list.map((variable) => variable.name));
    for (const url of links(dashboard)) {
      for (const { variable, label } of ENDPOINT) {
        assert.ok(known.has(variable), variable);
        assert.ok(url.includes(`&var-${variable}=\${__data.fields["${label}"]:percentencode}`), `${label} is not in ${url}`);
      }
    }
  });

  test(`every variable of ${name} lets series through that do not have its label`, () => {
    for (const variable of dashboard.templating.list.filter(({ type }) => type === "query")) {
      assert.equal(variable["allValue"], ".*", variable.name);
      assert.deepEqual(variable["current"], { text: ["All"], value: ["$__all"] }, variable.name);
    }
  });
}

function missing(where: string, named: string[]): string[] {
  return contract.endpoint.filter((label) => !named.includes(label)).map((label) => `${where}: does not show ${label}`);
}

function tables({ panels }: Dashboard): Panel[] {
  return panels.filter(({ type }) => type === "table");
}

function columns(panel: Panel): Record<string, string> {
  return panel.transformations?.find(({ id }) => id === "organize")?.options["renameByName"] as Record<string, string>;
}

function links({ panels }: Dashboard): string[] {
  const properties = panels.flatMap((panel) => panel.fieldConfig?.overrides ?? []).flatMap((override) => override.properties);
  return properties.filter(({ id }) => id === "links").flatMap(({ value }) => (value as { url: string }[]).map(({ url }) => url));
}

test("the dashboards select by every label of a workload, and by no other", () => {
  assert.deepEqual(WORKLOAD.map(({ label }) => label), contract.workload);
  assert.deepEqual(new Set(ENDPOINT.map(({ label }) => label)), new Set(contract.endpoint));
  assert.deepEqual([...new Set(Object.values(ALL).flatMap(links))].length, 1);
});

test("workloads that fall together are found", () => {
  const all = contract.endpoint.join(", ");
  const wrong: [string, RegExp | undefined][] = [
    ["sum by (instance, role, server_port, process) (rate(whohungup_closes_total[5m]))", /^by .*: not cluster, k8s_namespace_name/],
    ["sum without (k8s_workload_name) (whohungup_closes_total)", /^without k8s_workload_name$/],
    ["sum without (process) (rate(whohungup_closes_total[5m]))", /^without process$/],
    ["whohungup_idle_headroom_seconds and on (instance, server_port) whohungup_endpoint_risk", /^matched without cluster/],
    ["whohungup_idle_headroom_seconds and ignoring (systemd_unit, level) whohungup_endpoint_risk", /^matched without systemd_unit$/],
    ["topk(5, max(1 - sum by (server_port) (whohungup_closes_total)))", /^by server_port: not/],
    [`sum by (${all}) (rate(whohungup_closes_total[5m]))`, undefined],
    ["sum without (cause, closer) (rate(whohungup_closes_total[5m]))", undefined],
    ["sum by (verdict) (whohungup_closes_total) / on () group_left () sum(whohungup_closes_total)", undefined],
    ["whohungup_idle_headroom_seconds and on (job, instance) whohungup_build_info", undefined],
    ["whohungup_idle_headroom_seconds and ignoring (level) whohungup_endpoint_risk", undefined],
    ["sum by (process) (rate(whohungup_events_lost_total[5m]))", undefined],
  ];
  for (const [expr, expected] of wrong) {
    const found = together(contract, expr);
    if (expected === undefined) assert.deepEqual(found, [], expr);
    else assert.match(found.join("\n"), expected, expr);
  }
});

test("what is not there is found", () => {
  const wrong: [string, string, string[]][] = [
    ["sum(whohungup_close_total)", "", ["metric whohungup_close_total"]],
    ['whohungup_closes_total{kind="stale"}', "", ["label kind of whohungup_closes_total"]],
    ['whohungup_idle_races_total{kind=~"stale|late"}', "", ['kind="stale|late" of whohungup_idle_races_total']],
    ["sum by (port) (rate(whohungup_closes_total[$__rate_interval]))", "", ["label port"]],
    ["whohungup_closes_total", "{{level}}", ["label level"]],
    ["sum by (reason, systemd_unit) (whohungup_requests_lost_total)", "", ["label systemd_unit"]],
    ['whohungup_build_info{k8s_namespace_name="shop"}', "", ["label k8s_namespace_name of whohungup_build_info"]],
    ["whohungup_connection_duration_seconds", "", ["metric whohungup_connection_duration_seconds"]],
  ];
  for (const [expr, legend, expected] of wrong) assert.deepEqual(unknown(contract, expr, legend), expected);
  assert.throws(() => unknown(contract, "sum(rate(whohungup_closes_total[5m])"), /no PromQL/);
});
