// Services: both ends of the same connections are one. All of them as a table, and which of them somebody has muted.

import { $, h, replace, s, say } from "./dom.js";
import { filter, set } from "./filter.js";
import { ago, counted, number, percent, RISKS, seconds } from "./words.js";

const ROWS = 50;
const MUTED = "whohungup.muted";
let rows = ROWS;
let order = { column: "state", down: false };
let again = () => {};

/** The services that `endpoints` are the ends of, worst first, with counts of the last `minutes`. */
export function services(endpoints, minutes) {
  const known = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const root = (endpoint, steps = 8) => {
    const peer = steps > 0 && endpoint.peer_endpoint ? known.get(endpoint.peer_endpoint) : undefined;
    return peer ? root(peer, steps - 1) : endpoint.id;
  };
  const ends = new Map();
  for (const endpoint of endpoints) {
    const id = root(endpoint);
    ends.set(id, [...(ends.get(id) ?? []), endpoint]);
  }
  return [...ends].map(([id, list]) => service(id, list, minutes));
}

function service(id, ends, minutes) {
  const of = (role) => ends.filter((end) => end.role === role);
  // Each end counts by itself: the larger of both is what there was.
  const most = (value) => Math.max(...["client", "server", "unknown"].map((role) => of(role).reduce((sum, end) => sum + value(end), 0)));
  const column = (name) => Array.from({ length: 61 }, (_, at) => most((end) => end[name][at] ?? 0));
  const closesBy = column("minute_closes");
  const lostBy = column("minute_lost");
  const recent = (list) => list.slice(-minutes).reduce((sum, count) => sum + count, 0);
  const server = of("server")[0];
  const client = of("client")[0];
  const whole = server ?? client ?? ends[0];
  const port = whole.server_port;
  const name = server ? `${server.process || "?"} on port ${port}` : port === null ? whole.process || "not known" : `port ${port}, elsewhere`;
  const worst = [...ends].sort((one, other) => RISKS.indexOf(one.state) - RISKS.indexOf(other.state))[0];
  const [started, lostEver] = [most((end) => end.started), most((end) => end.lost)];
  return {
    id, ends, closesBy, lostBy, name,
    ids: ends.map((end) => end.id),
    where: server?.workload_name ?? (server ? "" : client?.workload_name ?? ""),
    callers: server ? of("client").map((end) => end.process).concat(server.peers.map((peer) => peer.process)) : [client?.process ?? ""],
    state: worst.state, stateText: worst.risk_text,
    trouble: ends.some((end) => end.trouble),
    advice: ends.find((end) => end.advice.length > 0)?.advice[0],
    lost: recent(lostBy), closes: recent(closesBy), open: most((end) => end.established),
    lostEver, // A refused connect is lost without a request that began.
    share: started >= lostEver && started > 0 ? lostEver / started : undefined,
    lastLost: ends.map((end) => end.last_lost).filter(Boolean).sort().at(-1),
    serverTimer: timer(ends, "server"), clientTimer: timer(ends, "client"),
  };
}

function timer(ends, side) {
  const all = ends.flatMap((end) => end.timers).filter((one) => one.side === side && one.phase === "idle" && one.clock === "idle");
  return all.sort((one, other) => other.count - one.count)[0]?.seconds;
}

/** Whoever is muted takes no part in the sentence at the top: by endpoints, kept in this browser. */
export function muted() {
  try {
    const list = JSON.parse(localStorage.getItem(MUTED) ?? "[]");
    return Array.isArray(list) ? list.filter((id) => typeof id === "string").slice(0, 32) : [];
  } catch {
    return [];
  }
}

export const isMuted = (service) => muted().some((id) => service.ids.includes(id));

export function mute(service, wanted) {
  const others = muted().filter((id) => !service.ids.includes(id));
  try {
    localStorage.setItem(MUTED, JSON.stringify(wanted ? [...service.ids, ...others].slice(0, 32) : others));
  } catch {
    // A browser that keeps nothing mutes nothing.
  }
}

export const look = (service) => set({ endpoint: service.ids, minute: "" });
export const link = (service) => `#${new URLSearchParams(service.ids.map((id) => ["endpoint", id]))}`;

const COLUMNS = [
  ["service", "Service", (one) => one.name, named],
  ["state", "State", (one) => [RISKS.indexOf(one.state), -one.lost], (one) => h("span", { class: `badge risk-${one.state}` }, one.stateText)],
  ["lost", "Lost", (one) => one.lost, (one) => h("span", { class: one.lost ? "risk-losing" : null }, number(one.lost)), true],
  ["last", "Last lost", (one) => one.lastLost ?? "", (one) => (one.lastLost ? h("time", { datetime: one.lastLost }, ago(one.lastLost)) : "–"), true],
  ["share", "Of requests", (one) => one.share ?? -1, (one) => (one.lostEver ? percent(one.share) : "–"), true],
  ["server", "Server closes", (one) => one.serverTimer ?? -1, (one) => seconds(one.serverTimer), true],
  ["client", "Client closes", (one) => one.clientTimer ?? -1, (one) => seconds(one.clientTimer), true],
  ["open", "Open", (one) => one.open, (one) => number(one.open), true],
  ["closes", "Closes", (one) => one.closes, (one) => number(one.closes), true],
];

function named(one) {
  const from = [...new Set(one.callers.filter(Boolean))].slice(0, 3).join(", ");
  const setting = one.trouble && one.advice ? one.advice.value ?? "" : "";
  return [
    h("a", { href: link(one), "data-key": `row-${one.id}`, on: { click: (event) => { event.preventDefault(); look(one); } } }, one.name),
    one.where ? h("span", { class: "sub" }, `in ${one.where}`) : null,
    from ? h("span", { class: "sub" }, `called by ${from}`) : null,
    setting ? h("span", { class: "sub" }, "set ", h("code", {}, setting), ` at the ${one.advice.side}`) : null,
  ];
}

/** The table of `all`, of which the agent told `total` endpoints. */
export function table(all, { total, told, range }, render) {
  again = render;
  const [, , key] = COLUMNS.find(([name]) => name === order.column);
  const compare = (a, b) => (Array.isArray(a) ? compare(a[0], b[0]) || compare(a[1], b[1]) : a < b ? -1 : a > b ? 1 : 0);
  const sorted = [...all].sort((one, other) =>
    Number(isMuted(one)) - Number(isMuted(other)) || (order.down ? compare(key(other), key(one)) : compare(key(one), key(other))) || other.closes - one.closes);
  replace($("services").tHead, h("tr", {}, ...COLUMNS.map(([name, label, , , numeric]) => h("th",
    { scope: "col", class: numeric ? "num" : null, "aria-sort": order.column === name ? (order.down ? "descending" : "ascending") : null },
    h("button", { type: "button", "data-key": `sort-${name}`, on: { click: () => sort(name, numeric) } },
      label, order.column === name ? (order.down ? " ▼" : " ▲") : ""))), h("th", { scope: "col" }, "Last hour"), h("th", { scope: "col" }, h("span", { class: "unseen" }, "Mute"))));
  replace($("services").tBodies[0], ...sorted.slice(0, rows).map((one) => row(one, render)));
  const shown = Math.min(rows, sorted.length);
  const left = total > told ? ` The agent knows ${number(total)} endpoints; the worst ${number(told)} are here.` : "";
  say($("services-note"), all.length
    ? `Showing ${number(shown)} of ${number(sorted.length)}; lost and closes are of the last ${range}; server and client close idle connections after that time.${left} Select one to see why and what to change.`
    : "None to show: no connection has ended, or the filters leave none.");
  $("services-more").hidden = shown >= sorted.length;
}

function row(one, render) {
  const off = isMuted(one);
  return h("tr", { "data-service": one.id, class: off ? "muted" : null },
    ...COLUMNS.map(([name, label, , shown, numeric]) => (name === "service"
      ? h("th", { scope: "row" }, ...shown(one).filter(Boolean))
      : h("td", { class: numeric ? "num" : null, "data-label": label }, shown(one)))),
    h("td", { "data-label": "Last hour" }, sparkline(one)),
    h("td", {}, h("button", {
      type: "button", class: "small", "aria-pressed": String(off), "data-key": `mute-${one.id}`, title: "A muted service takes no part in the sentence at the top",
      "aria-label": `Mute ${one.name}`, on: { click: () => { mute(one, !off); render(true); } },
    }, off ? "muted" : "mute")));
}

/** Closes of each minute, and above them in red the lost requests. */
function sparkline(one) {
  const top = Math.max(1, ...one.closesBy);
  const bar = (count, at, fill, least) => s("rect", { x: at * 2, width: 1.6, y: 20 - Math.max(20 * count / top, least), height: Math.max(20 * count / top, least), fill });
  const shapes = one.closesBy.flatMap((count, at) => [
    ...(count ? [bar(count, at, "var(--v-unknown)", 1)] : []),
    ...(one.lostBy[at] ? [bar(Math.min(one.lostBy[at], top), at, "var(--v-idle-race)", 4)] : []),
  ]);
  const said = `${counted(one.closesBy.reduce((sum, count) => sum + count, 0), "close")} and ${counted(one.lostBy.reduce((sum, count) => sum + count, 0), "lost request")} in the hour`;
  return s("svg", { class: "spark", viewBox: "0 0 122 20", role: "img", "aria-label": said }, ...shapes);
}

function sort(column, numeric) {
  order = { column, down: order.column === column ? !order.down : Boolean(numeric) };
  again();
}

$("services-more").addEventListener("click", () => {
  rows += 200;
  again();
});

/** The one that is looked at: that of the filters' endpoints, or the only one that they leave. */
export function chosen(all) {
  const { endpoint, port, process, workload } = filter;
  if (endpoint.length) return all.find((one) => one.ids.some((id) => endpoint.includes(id)));
  return (port || process || workload) && all.length === 1 ? all[0] : undefined;
}
