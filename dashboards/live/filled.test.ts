import assert from "node:assert/strict";
import { test } from "node:test";

import type { Panel } from "../source/model.js";
import { gapsOf } from "./filled.js";

const target = { refId: "A", datasource: { type: "prometheus", uid: "a" }, editorMode: "code", expr: "up", format: "time_series", instant: false, range: true } as const;
const panel: Panel = { id: 1, type: "timeseries", title: "Up?", gridPos: { x: 0, y: 0, w: 8, h: 8 }, targets: [target, { ...target, refId: "B", expr: "down" }] };
const series = (...values: number[]) => ({ labels: {}, legend: "", points: values.map((value, at): [number, number] => [at, value]) });

test("a query without an answer is a gap, beside others that have one", () => {
  assert.deepEqual(gapsOf({ panel, series: [[series(1)], []] }), ["Up?: no data for down"]);
  assert.deepEqual(gapsOf({ panel, series: [[series(NaN, NaN)], [series(1)]] }), ["Up?: no data for up"]);
});

test("a panel with nothing but 0 is a gap, unless 0 says that all is well", () => {
  assert.deepEqual(gapsOf({ panel, series: [[series(0, NaN)], [series(0)]] }), ["Up?: nothing but 0"]);
  assert.deepEqual(gapsOf({ panel: { ...panel, title: "Do the counts add up?" }, series: [[series(0)], [series(0)]] }), []);
});

test("a panel with a value is filled", () => {
  assert.deepEqual(gapsOf({ panel, series: [[series(0, 2)], [series(0)]] }), []);
});
