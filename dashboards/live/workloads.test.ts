import assert from "node:assert/strict";
import { test } from "node:test";

import { drilledDown } from "./workloads.js";

test("a row's link carries all that its endpoint is known by, and nothing for what it does not have", () => {
  const row = { instance: "10.0.0.5:9909", role: "server", server_port: "8080", process: "node", cgroup_path: "/a+b&c/d=e.x", endpoint: "|" };
  const { instance, cgroup, namespace, unit, cluster, port, ...more } = drilledDown(row);
  assert.equal(instance, "10\\\\.0\\\\.0\\\\.5:9909");
  assert.equal(cgroup, "/a\\\\+b&c/d=e\\\\.x");
  assert.equal(port, "8080");
  assert.deepEqual([namespace, unit, cluster], ["", "", ""]);
  assert.deepEqual(Object.keys(more).sort(), ["container", "netns", "pod", "process", "role", "standalone", "workload"]);
});
