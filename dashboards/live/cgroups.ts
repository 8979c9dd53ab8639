// Cgroups called as Kubernetes, container runtimes and systemd call theirs: the agent goes by their paths, and takes the
// name of a pod from the kubelet's logs. No runtime is needed for a service to be somebody's.

import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LOGS = "/var/log/containers";
const EMPTY_WITHIN_MS = 5_000;

export class Cgroups {
  readonly #made: string[] = [];
  readonly #logs: string[] = [];
  #firstOfLogs: string | undefined;
  #root: string | undefined;

  /** A container of a pod of a Deployment. */
  async pod(namespace: string, deployment: string, container: string): Promise<string> {
    const id = randomBytes(32).toString("hex");
    this.#firstOfLogs ??= await mkdir(LOGS, { recursive: true });
    const log = join(LOGS, `${deployment}-7d9f8c6b5-x2k4q_${namespace}_${container}-${id}.log`);
    await writeFile(log, "");
    this.#logs.push(log);
    return await this.make(`kubepods/besteffort/pod${randomUUID()}/${id}`);
  }

  /** A container of Docker's; its name is the beginning of its id. */
  async container(): Promise<string> {
    return await this.make(`docker/${randomBytes(32).toString("hex")}`);
  }

  async unit(name: string): Promise<string> {
    return await this.make(`system.slice/${name}`);
  }

  /** By its path from the root of cgroup2; says where it is in the file system. */
  async make(path: string): Promise<string> {
    this.#root ??= await mountPoint();
    const first = await mkdir(join(this.#root, path), { recursive: true });
    // Above what was there before, nothing is ours to remove.
    let made = join(this.#root, path);
    while (first !== undefined && made.length >= first.length) {
      this.#made.push(made);
      made = join(made, "..");
    }
    return join(this.#root, path);
  }

  /** Removes them, once what ran in them has ended. */
  async end(): Promise<void> {
    for (const log of this.#logs) await rm(log, { force: true });
    if (this.#firstOfLogs !== undefined) await rmdir(LOGS).catch(() => undefined);
    const until = Date.now() + EMPTY_WITHIN_MS;
    let left = [...new Set(this.#made)].sort((a, b) => b.length - a.length);
    while (left.length > 0) {
      const still: string[] = [];
      for (const path of left) await rmdir(path).catch(() => still.push(path));
      if (Date.now() > until) return;
      if (still.length > 0) await sleep(50);
      left = still;
    }
  }
}

async function mountPoint(): Promise<string> {
  for (const line of (await readFile("/proc/self/mounts", "utf8")).split("\n")) {
    const [, where, kind] = line.split(" ");
    if (kind === "cgroup2" && where !== undefined) return where;
  }
  throw new Error("no cgroup2 is mounted: services cannot be told apart by their cgroups");
}
