// Who talks to whom on this host, coloured by what was lost: clients on the left, servers on the right.

import { $, replace, s, say } from "./dom.js";
import { link, look } from "./services.js";
import { counted, number, seconds } from "./words.js";

const EDGES = 12;
const WIDTH = 1000;
const ROW = 32;
const SIDE = 300;

/** Draws the worst connections of `endpoints` between `all` services; `of` chooses those of one service. */
export function draw(endpoints, all, of) {
  const service = new Map(all.flatMap((one) => one.ids.map((id) => [id, one])));
  const known = edges(endpoints).filter((edge) => !of || of.ids.includes(edge.client) || of.ids.includes(edge.server));
  const shown = known.slice(0, EDGES);
  if (!shown.length) {
    say($("map-note"), "Nothing to draw: no connection has ended, or the filters leave none.");
    return replace($("map"));
  }
  const more = known.length > shown.length ? ` The ${shown.length} worst of ${number(known.length)} are shown.` : "";
  say($("map-note"), `A line is thick where many connections ended, red where requests were lost, amber where timeouts disagree. The word on it names the side that hangs up.${more}`);
  const left = [...new Set(shown.map((edge) => edge.client))];
  const right = [...new Set(shown.map((edge) => edge.server))];
  const height = Math.max(left.length, right.length) * ROW + 8;
  const y = (list, id) => (list.indexOf(id) + 0.5) * height / list.length;
  const shapes = shown.map((edge) => line(edge, y(left, edge.client), y(right, edge.server)));
  const nodes = (list, names, x, anchor) => list.map((id) => node(names.get(id), service.get(id), x, y(list, id), anchor));
  const named = (side) => new Map(shown.map((edge) => [edge[side], edge[`${side}Name`]]));
  replace($("map"), s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "map", role: "group", "aria-label": "Clients on the left, servers on the right" },
    ...shapes, ...nodes(left, named("client"), SIDE - 8, "end"), ...nodes(right, named("server"), WIDTH - SIDE + 8, "start")));
}

/** Each pair of ends once, the worst first. */
function edges(endpoints) {
  const pairs = new Map();
  const known = new Map(endpoints.map((end) => [end.id, end]));
  const add = (edge) => {
    const key = `${edge.client} ${edge.server}`;
    const before = pairs.get(key);
    // Both ends told of it.
    if (!before || before.closes < edge.closes) pairs.set(key, { ...edge, lost: Math.max(edge.lost, before?.lost ?? 0) });
  };
  for (const end of endpoints) {
    if (end.role === "unknown" || end.server_port === null) continue;
    const own = name(end.process, end.workload_name, end.role === "server" ? end.server_port : null);
    const ends = (id, said) => (end.role === "server"
      ? { client: id, clientName: said, server: end.id, serverName: own }
      : { client: end.id, clientName: own, server: id, serverName: said });
    let here = 0;
    for (const peer of end.peers) {
      here += peer.closes;
      const said = name(peer.process, known.get(peer.id)?.workload_name, end.role === "client" ? end.server_port : null);
      add({ ...ends(peer.id, said), closes: peer.closes, lost: peer.lost, ...behaviour(end) });
    }
    const away = end.closes - here;
    if (away > end.closes / 20) {
      const said = end.role === "server" ? "clients elsewhere" : `port ${end.server_port}, elsewhere`;
      const lost = Math.max(0, end.lost - end.peers.reduce((sum, peer) => sum + peer.lost, 0));
      add({ ...ends(`elsewhere ${end.role === "server" ? "" : end.server_port}`, said), closes: away, lost, ...behaviour(end) });
    }
  }
  const worst = { losing: 0, mismatch: 1, tie: 1 };
  return [...pairs.values()].sort((one, other) => other.lost - one.lost || (worst[one.risk] ?? 2) - (worst[other.risk] ?? 2) || other.closes - one.closes);
}

const name = (process, workload, port) => `${process || "?"}${port === null ? "" : ` :${port}`}${workload ? `, ${workload}` : ""}`;

/** Which side ends idle connections there, and after how long. */
function behaviour(end) {
  const sum = (bins) => bins.reduce((total, [, count]) => total + count, 0);
  const [server, client] = [sum(end.idle_server), sum(end.idle_client)];
  const side = server + client === 0 ? undefined : server >= client ? "server" : "client";
  const timer = end.timers.find((one) => one.side === side && one.phase === "idle" && one.clock === "idle");
  return { risk: end.risk, side, after: timer?.seconds };
}

function line(edge, from, to) {
  const tone = edge.lost ? "losing" : { mismatch: "mismatch", tie: "mismatch", losing: "mismatch" }[edge.risk] ?? "quiet";
  const [x, end] = [SIDE, WIDTH - SIDE];
  const word = edge.side ? `${edge.side} hangs up${edge.after === undefined ? "" : ` after ${seconds(edge.after)}`}` : "";
  const lost = edge.lost ? `${counted(edge.lost, "request")} lost` : "";
  const said = `${edge.clientName} to ${edge.serverName}: ${counted(edge.closes, "close")}${lost ? `, ${lost}` : ""}${word ? `; the ${word}` : ""}`;
  const [at, share] = [edge.side === "client" ? 0.3 : 0.7, (position) => position * position * (3 - 2 * position)];
  return s("g", { class: `edge edge-${tone}` }, s("title", {}, said),
    s("path", { d: `M${x},${from} C${(x + end) / 2},${from} ${(x + end) / 2},${to} ${end},${to}`, "stroke-width": 1 + Math.log10(1 + edge.closes) }),
    lost || word ? s("text", { x: x + (end - x) * at, y: from + (to - from) * share(at) - 4, "text-anchor": "middle" }, lost || word) : "");
}

function node(said, service, x, y, anchor) {
  const text = s("text", { class: "strong", x, y: y + 4, "text-anchor": anchor }, said.length > 44 ? `${said.slice(0, 43)}…` : said);
  if (!service) return text;
  return s("a", { href: link(service), "data-key": `map-${anchor}-${service.id}`, on: { click: (event) => { event.preventDefault(); look(service); } } }, s("title", {}, said), text);
}

