// Writes the dashboards, or with --check says which files are not what would be written.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { ALL } from "./all.js";
import { configMap } from "./configmap.js";

/** The folder of package.json; this runs in build/source. */
const HERE = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

function files(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [name, dashboard] of Object.entries(ALL)) {
    files.set(`grafana/${name}.json`, `${JSON.stringify(dashboard, null, 2)}\n`);
  }
  files.set("kubernetes/dashboards.yaml", configMap(ALL));
  return files;
}

const checking = process.argv.includes("--check");
const stale: string[] = [];
for (const [path, text] of files()) {
  const absolute = join(HERE, path);
  if (checking) {
    const there = await readFile(absolute, "utf8").catch(() => "");
    if (there !== text) stale.push(path);
  } else {
    await mkdir(dirname(absolute), { recursive: true });
    await writeFile(absolute, text);
  }
}
if (stale.length > 0) {
  console.error(`not what dashboards/source makes: ${stale.join(", ")}; run \`npm run write\` in dashboards and commit`);
  process.exit(1);
}
