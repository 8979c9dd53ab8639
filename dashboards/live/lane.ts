// A client that keeps one connection as long as it is told, whatever the server thinks of that: what a pool does which
// does not look at a connection before it uses it again.

import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Lane {
  host: string;
  port: number;
  paths: string[];
  /** How long the connection is idle before it is reused, between these two. */
  gapMs: [number, number];
  /** Requests before this end closes the connection; for ever without it. */
  requests?: number;
  /** How long it is idle before this end closes it. */
  closeAfterMs?: number;
  /** How long this end waits for a response before it gives up. */
  patienceMs?: number;
  /** Whether a lost request is sent again at once. */
  retries?: boolean;
}

/** Plays a lane until `over` says so. Errors are what it is for. */
export async function play(lane: Lane, over: AbortSignal): Promise<void> {
  let again: string | undefined;
  while (!over.aborted) {
    const lost = await oneConnection(lane, over, again);
    again = lane.retries === true ? lost : undefined;
    if (again === undefined) await sleep(between([20, 120]));
  }
}

/** The id of the request that was lost, if one was. Only by its id is a retry known to be the same request. */
async function oneConnection(lane: Lane, over: AbortSignal, first = randomUUID() as string): Promise<string | undefined> {
  const socket = connect({ host: lane.host, port: lane.port, allowHalfOpen: true, noDelay: true });
  const wire = new Wire(socket);
  try {
    for (let sent = 0; sent < (lane.requests ?? Infinity) && !over.aborted; sent += 1) {
      if (sent > 0) await sleep(between(lane.gapMs));
      const path = lane.paths[sent % lane.paths.length] ?? "/";
      const id = sent === 0 ? first : randomUUID();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\nX-Request-ID: ${id}\r\n\r\n`);
      const answered = await wire.response(lane.patienceMs ?? 10_000);
      if (answered !== "answered") return sent > 0 && answered === "lost" ? id : undefined;
    }
    await sleep(lane.closeAfterMs ?? 0);
    return undefined;
  } finally {
    socket.destroy();
  }
}

type Outcome = "answered" | "lost" | "impatient";

class Wire {
  #received = "";
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#wake();
    });
    // Between two requests it goes unnoticed, as in a pool that does not look: the next one is sent, and then it is read.
    for (const event of ["error", "close", "end"] as const) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  async response(patienceMs: number): Promise<Outcome> {
    const until = Date.now() + patienceMs;
    while (!this.#takeResponse()) {
      if (this.#ended) return "lost";
      const left = until - Date.now();
      if (left <= 0) return "impatient";
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return "answered";
  }

  #takeResponse(): boolean {
    const head = this.#received.indexOf("\r\n\r\n");
    if (head < 0) return false;
    const length = /content-length: *(\d+)/i.exec(this.#received.slice(0, head))?.[1];
    const end = head + 4 + Number(length ?? 0);
    if (this.#received.length < end) return false;
    this.#received = this.#received.slice(end);
    return true;
  }
}

function between([least, most]: [number, number]): number {
  return least + Math.random() * (most - least);
}
