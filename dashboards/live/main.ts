// Records two agents with a real Prometheus while services on loopback are used and lose requests, and asks every
// question of the dashboards of what was recorded. With --pictures it draws the answers too.

import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

import { draw } from "../preview/draw.js";
import { ALL } from "../source/all.js";
import type { View } from "./answers.js";
import { gaps } from "./filled.js";
import { Stage } from "./stage.js";
import { begin, playAll } from "./traffic.js";
import { mixed } from "./workloads.js";

const READY = /metrics at http:\/\/([^/]+)\/metrics/;
/** An agent that has too little of everything, so that what it misses has something to show. */
const STARVED = ["--ring-bytes", "4096", "--max-connections", "40", "--max-endpoints", "6"];

const { values: options } = parseArgs({
  options: {
    agent: { type: "string", default: "whohungup" },
    testserver: { type: "string", default: "testserver" },
    seconds: { type: "string", default: "120" },
    /** A folder for a picture of each dashboard. */
    pictures: { type: "string" },
  },
});

async function record(stage: Stage, over: AbortSignal): Promise<string[]> {
  const agent = async (...more: string[]) =>
    (await stage.start(options.agent, ["run", "--listen", "127.0.0.1:0", "--bpf-stats", "always", ...more], READY))[1] ?? "";
  const [well, starved] = [await agent(), await agent(...STARVED)];
  // A label of the cluster is optional: one has it.
  const prometheus = await stage.prometheus([{ targets: [well] }, { targets: [starved], labels: { cluster: "lab" } }]);
  const start = Date.now() / 1000;
  const shared = await begin(stage, options.testserver, over);
  const plays = playAll(stage, options.testserver, over);
  console.error(`recording ${well} and ${starved} at ${prometheus} for ${options.seconds} s`);
  await sleep(Number(options.seconds) * 1000);
  await Promise.race([plays, sleep(60_000)]);

  const view: View = { prometheus, start, end: Date.now() / 1000, variables: {} };
  const missing = [...stage.ended];
  for (const [name, dashboard] of Object.entries(ALL)) {
    missing.push(...(await gaps(view, dashboard)).map((what) => `${name}: ${what}`));
  }
  missing.push(...(await mixed(view, well, shared)));
  if (options.pictures !== undefined) {
    const one = { instance: well.replaceAll(".", "\\\\.") };
    const views = { overview: one, endpoint: { ...one, port: String(shared.port), workload: shared.losing }, agent: {} };
    for (const [name, variables] of Object.entries(views)) {
      const dashboard = ALL[name];
      if (dashboard !== undefined) await draw({ ...view, variables }, dashboard, `${options.pictures}/${name}.png`);
    }
  }
  return missing;
}

const stage = new Stage();
const over = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => void stage.end().then(() => process.exit(1)));
try {
  const missing = await record(stage, over.signal);
  for (const what of missing) console.error(what);
  if (missing.length > 0) process.exitCode = 1;
  else console.error("every query is answered and every panel is filled");
} finally {
  over.abort();
  await stage.end();
}
process.exit();
