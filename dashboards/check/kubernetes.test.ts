// The schemas of Kubernetes and of the Prometheus Operator, as npm has them, take what is offered to be applied.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { parse } from "yaml";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "kubernetes");

async function document(name: string): Promise<unknown> {
  return parse(await readFile(join(FOLDER, name), "utf8"));
}

test("the rules are a PrometheusRule of the operator's", async () => {
  new PrometheusRule((await document("whohungup-rules.yaml")) as PrometheusRule).validate();
});

test("the dashboards are a ConfigMap", async () => {
  new ConfigMap((await document("dashboards.yaml")) as ConfigMap).validate();
});

test("what is none is refused", () => {
  const rules = { groups: [{ name: "a", rules: [{ alert: "A", expr: { is: "text" } }] }] };
  assert.throws(() => new PrometheusRule({ metadata: { name: "a" }, spec: rules } as never).validate(), /expr/);
  assert.throws(() => new ConfigMap({ data: { a: 1 } } as never).validate(), /data/);
});
