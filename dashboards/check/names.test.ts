import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ALL } from "../source/all.js";
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

test("what is not there is found", () => {
  const wrong: [string, string, string[]][] = [
    ["sum(whohungup_close_total)", "", ["metric whohungup_close_total"]],
    ['whohungup_closes_total{kind="stale"}', "", ["label kind of whohungup_closes_total"]],
    ['whohungup_idle_races_total{kind=~"stale|late"}', "", ['kind="stale|late" of whohungup_idle_races_total']],
    ["sum by (port) (rate(whohungup_closes_total[$__rate_interval]))", "", ["label port"]],
    ["whohungup_closes_total", "{{level}}", ["label level"]],
    ["whohungup_connection_duration_seconds", "", ["metric whohungup_connection_duration_seconds"]],
  ];
  for (const [expr, legend, expected] of wrong) assert.deepEqual(unknown(contract, expr, legend), expected);
  assert.throws(() => unknown(contract, "sum(rate(whohungup_closes_total[5m])"), /no PromQL/);
});
