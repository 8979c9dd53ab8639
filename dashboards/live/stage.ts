// The processes of a recording, each in a group of its own that ends with it.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { Cgroups } from "./cgroups.js";

const START_WITHIN_MS = 60_000;
/** A process's sockets belong to the cgroup in which it made them, so it must be there before it begins. */
const ENTER = 'echo $$ > "$0" && exec "$@"';

export class Stage {
  readonly #processes = new Set<ChildProcess>();
  readonly #ended: string[] = [];
  readonly cgroups = new Cgroups();
  #over = false;
  #directory: string | undefined;

  /**
   * Starts a program, in a cgroup if one is named, and waits for the line, on either output, that says that it is ready.
   */
  async start(program: string, args: string[], ready: RegExp, cgroup?: string): Promise<RegExpExecArray> {
    const child = cgroup === undefined ? this.#spawn(program, args) : this.#spawn("sh", ["-c", ENTER, `${cgroup}/cgroup.procs`, program, ...args]);
    const said: string[] = [];
    const line = new Promise<RegExpExecArray>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface({ input: stream }).on("line", (text) => {
          if (said.length < 50) said.push(text);
          const found = ready.exec(text);
          if (found !== null) resolve(found);
        });
      }
      child.on("error", reject);
      child.on("exit", (code, name) => {
        if (!this.#over) this.#ended.push(`${program} ended with ${code ?? name}`);
        reject(new Error(`${program} ended with ${code ?? name}:\n${said.join("\n")}`));
      });
    });
    return await within(line, START_WITHIN_MS, `${program} did not say that it is ready`);
  }

  /** Runs a program to its end; how it ends is not asked for. */
  async finish(program: string, args: string[]): Promise<void> {
    const child = this.#spawn(program, args);
    child.stdout?.resume();
    child.stderr?.resume();
    await new Promise<void>((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", () => resolve());
    });
    this.#processes.delete(child);
  }

  /** What was started and did not last: the recording is not whole without it. */
  get ended(): readonly string[] {
    return this.#ended;
  }

  /** A Prometheus with data of its own that scrapes these agents every second; says where it is. */
  async prometheus(scraped: { targets: string[]; labels?: Record<string, string> }[]): Promise<string> {
    this.#directory ??= await mkdtemp(join(tmpdir(), "whohungup-dashboards-"));
    const config = join(this.#directory, "prometheus.json");
    const scrape = { job_name: "whohungup", static_configs: scraped };
    // JSON is YAML.
    await writeFile(config, JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: [scrape] }));
    const address = `127.0.0.1:${await freePort()}`;
    await this.start(
      "prometheus",
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(this.#directory, "data")}`,
        `--web.listen-address=${address}`,
        "--query.timeout=30s",
      ],
      /Server is ready/,
    );
    return `http://${address}`;
  }

  async end(): Promise<void> {
    this.#over = true;
    const left = [...this.#processes].filter((child) => child.exitCode === null && child.signalCode === null);
    for (const child of left) signal(child, "SIGTERM");
    const gone = Promise.all(left.map((child) => new Promise((resolve) => child.on("exit", resolve))));
    await Promise.race([gone, sleep(10_000, undefined, { ref: false })]);
    for (const child of left) signal(child, "SIGKILL");
    await this.cgroups.end();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  #spawn(program: string, args: string[]): ChildProcess {
    const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.#processes.add(child);
    return child;
  }
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has ended.
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port on 127.0.0.1");
  return address.port;
}

async function within<T>(promise: Promise<T>, limitMs: number, complaint: string): Promise<T> {
  const late = sleep(limitMs, undefined, { ref: false }).then(() => {
    throw new Error(`${complaint} within ${limitMs / 1000} s`);
  });
  return await Promise.race([promise, late]);
}
