import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL } from "../source/all.js";
import type { Dashboard, Panel } from "../source/model.js";
import { complaints, GRAFANAS } from "./schemas.js";

for (const grafana of Object.keys(GRAFANAS) as (keyof typeof GRAFANAS)[]) {
  for (const [name, dashboard] of Object.entries(ALL)) {
    test(`${name} is a dashboard of ${grafana}`, async () => {
      assert.deepEqual(await complaints(grafana, dashboard), []);
    });
  }

  test(`what ${grafana} does not know is found`, async () => {
    const wrong: [RegExp, (panel: Panel) => void][] = [
      [/"colour"' does not exist/, (panel) => Object.assign(panel.options ?? {}, { colour: "red" })],
      [/"loud"/, (panel) => Object.assign(panel.options ?? {}, { tooltip: { mode: "loud" } })],
      [/'string' is not assignable to type 'number'/, (panel) => Object.assign(panel.gridPos, { w: "wide" })],
      [/"query"' does not exist/, (panel) => Object.assign(panel.targets?.[0] ?? {}, { query: "up" })],
      [/"lineThickness"' does not exist/, (panel) => Object.assign(panel.fieldConfig?.defaults["custom"] ?? {}, { lineThickness: 1 })],
    ];
    const overview = ALL["overview"];
    for (const [expected, spoil] of wrong) {
      const spoilt = structuredClone(overview) as Dashboard;
      const panel = spoilt.panels.find(({ type }) => type === "timeseries");
      assert.ok(panel);
      spoil(panel);
      const found = await complaints(grafana, { ...spoilt, panels: [panel] });
      assert.match(found.join("\n"), expected);
    }
  });
}
