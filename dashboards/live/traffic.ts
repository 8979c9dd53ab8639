// Services that are well and services that are not, on loopback, with the test server and Node's own client and server.

import { Agent, createServer, get } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { type Lane, play } from "./lane.js";
import type { Stage } from "./stage.js";
import type { Shared } from "./workloads.js";

const HOST = "127.0.0.1";
/** Another address, for another service at the same port, as pods have. */
const OTHER_HOST = "127.0.0.2";

/** Everything that the dashboards have a panel for happens within these plays, again and again. */
export async function begin(stage: Stage, testserver: string, over: AbortSignal): Promise<Shared> {
  const { cgroups } = stage;
  const serve = async (cgroup: string | undefined, at: { host: string; port: number }, ...options: string[]) => {
    const listen = ["serve", "--listen", `${at.host}:${at.port}`];
    const line = await stage.start(testserver, [...listen, ...options], /127\.0\.0\.\d+:(\d+)/, cgroup);
    return { host: at.host, port: Number(line[1]) };
  };
  const anywhere = { host: HOST, port: 0 };
  const lanes = (count: number, lane: Lane) => {
    for (let i = 0; i < count; i += 1) void play(lane, over);
  };

  // Endpoints that are seen once and never again, which make room for others after a minute in a table that is full.
  for (let port = 11; port <= 18; port += 1) await refused(port);

  // The server's timeout lies below how long its clients keep connections: requests are lost.
  const checkout = await cgroups.pod("shop", "checkout", "app");
  const mismatch = await serve(checkout, anywhere, "--keep-alive-timeout", "2s");
  lanes(6, { ...mismatch, paths: ["/"], gapMs: [200, 2150] });
  lanes(4, { ...mismatch, paths: ["/"], gapMs: [1500, 2100], retries: true });
  lanes(2, { ...mismatch, paths: ["/"], gapMs: [300, 600], requests: 8, closeAfterMs: 1_500 });

  // The clients close first, with room to spare.
  const healthy = await serve(await cgroups.make("whohungup-lane/search"), anywhere, "--keep-alive-timeout", "15s");
  lanes(12, { ...healthy, paths: ["/", "/bytes/20000", "/delay/15"], gapMs: [100, 900], requests: 12, closeAfterMs: 3_000 });

  // Both sides close after the same time.
  const tie = await serve(await cgroups.unit("whohungup-reports.service"), anywhere, "--keep-alive-timeout", "3s");
  lanes(4, { ...tie, paths: ["/"], gapMs: [300, 1_200], requests: 3, closeAfterMs: 3_000 });
  lanes(3, { ...tie, paths: ["/"], gapMs: [300, 1_200], requests: 3, closeAfterMs: 6_000 });

  // Hang-ups in the middle, by either side: the same program at the same port as the first, in another pod.
  const cart = await cgroups.pod("shop", "cart", "app");
  const rude = await serve(cart, { host: OTHER_HOST, port: mismatch.port }, "--keep-alive-timeout", "5s");
  const misdeeds = ["/close-before", "/close-mid", "/reset-before", "/reset-mid", "/unread"];
  for (const path of misdeeds) lanes(1, { ...rude, paths: ["/", "/", path], gapMs: [300, 2_000], requests: 3 });
  lanes(2, { ...rude, paths: ["/", "/delay/4000"], gapMs: [200, 800], requests: 2, patienceMs: 1_000 });
  lanes(1, { ...rude, paths: ["/", "/close-announced"], gapMs: [300, 900], requests: 2 });

  // A limit of requests, and a port at which nobody listens.
  const limited = await serve(await cgroups.container(), anywhere, "--keep-alive-timeout", "5s", "--max-requests", "10");
  lanes(3, { ...limited, paths: ["/"], gapMs: [20, 200] });
  lanes(1, { host: HOST, port: 9, paths: ["/"], gapMs: [0, 0] });

  await nodeAgainstNode(over);
  const restarted = await restarts(over);
  lanes(3, { host: HOST, port: restarted, paths: ["/"], gapMs: [20, 80] });
  return { port: mismatch.port, losing: "checkout", rude: "cart" };
}

/** Asks once at a port at which nobody listens. */
async function refused(port: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: HOST, port });
    socket.on("error", () => socket.destroy()).on("close", () => resolve());
    socket.on("connect", () => socket.destroy());
  });
}

/** Node's server with its default timeout of five seconds, and its client with a pool. */
async function nodeAgainstNode(over: AbortSignal): Promise<void> {
  const server = createServer((_, response) => response.end("hello\n"));
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  over.addEventListener("abort", () => server.close());
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < 10; i += 1) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    void (async () => {
      for (let sent = 0; !over.aborted; sent += 1) {
        await new Promise<void>((resolve) => {
          get({ host: HOST, port, agent }, (response) => response.resume().on("close", resolve)).on("error", () => resolve());
        });
        await sleep(sent % 6 === 5 ? 5_000 + i : 200 + Math.random() * 1_500);
      }
      agent.destroy();
    })();
  }
}

/** A server that stops every ten seconds and waits for nobody: it cuts what is in flight, and refuses who comes meanwhile. */
async function restarts(over: AbortSignal): Promise<number> {
  const server = createServer((_, response) => setTimeout(() => response.end("hello\n"), 200));
  const listen = async (port: number) => await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
  await listen(0);
  over.addEventListener("abort", () => server.close());
  const { port } = server.address() as AddressInfo;
  void (async () => {
    while (!over.aborted) {
      await sleep(8_000);
      server.close();
      server.closeAllConnections();
      await sleep(2_000);
      if (!over.aborted) await listen(port);
    }
  })();
  return port;
}

/** Every ending that the test server has a script for, once. */
export async function playAll(stage: Stage, testserver: string, over: AbortSignal): Promise<void> {
  if (!over.aborted) await stage.finish(testserver, ["play", "all"]);
}
