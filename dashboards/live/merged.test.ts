import assert from "node:assert/strict";
import { test } from "node:test";

import { rows } from "../source/queries.js";
import type { Answer } from "./answers.js";
import { merged } from "./merged.js";

type Labels = Record<string, string>;

const NODE = { instance: "web-1:9909", role: "server", server_port: "8080", process: "node" };
const POD = { ...NODE, k8s_namespace_name: "shop", k8s_workload_name: "checkout" };
const UNIT = { ...NODE, systemd_unit: "node.service" };

function answer(...queries: [Labels, number][][]): Answer {
  const targets = queries.map((_, at) => ({ refId: "AB"[at] })) as unknown as NonNullable<Answer["panel"]["targets"]>;
  const panel = { id: 1, type: "table", title: "", gridPos: { x: 0, y: 0, w: 1, h: 1 }, targets };
  const series = queries.map((query) => query.map(([labels, value]) => ({ labels, legend: "", points: [[0, value]] as [number, number][] })));
  return { panel, series };
}

/** The label that `rows` adds in PromQL. */
function known(labels: Labels): Labels {
  const [, joined = ""] = /"\|", (.*)\)$/.exec(rows("x")) ?? [];
  return { ...labels, endpoint: joined.split(", ").map((name) => labels[name.slice(1, -1)] ?? "").join("|") };
}

test("a pod's headroom is not put beside a unit's losses", () => {
  const apart = merged(answer([[known(UNIT), 5]], [[known(POD), -1]]));
  assert.deepEqual(apart, [{ ...known(UNIT), "Value #A": 5 }, { ...known(POD), "Value #B": -1 }]);
  // What the label is for: without it they are one row.
  assert.deepEqual(merged(answer([[UNIT, 5]], [[POD, -1]])), [{ ...UNIT, ...POD, "Value #A": 5, "Value #B": -1 }]);
});

test("what several queries say of one endpoint is one row, and of two endpoints two", () => {
  const pods = [POD, { ...POD, k8s_workload_name: "cart" }].map(known) as [Labels, Labels];
  const found = merged(answer([[pods[0], 1], [pods[1], 2]], [[{ ...pods[1], level: "losing" }, 1]]));
  assert.deepEqual(found, [{ ...pods[0], "Value #A": 1 }, { ...pods[1], "Value #A": 2, level: "losing", "Value #B": 1 }]);
});
