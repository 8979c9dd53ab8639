// Endpoints: those in trouble as cards with what to do, and all of them as a table.

import { $, h, prose, replace, say } from "./dom.js";
import { idleChart } from "./charts.js";
import { RISKS, counted, number, seconds } from "./words.js";

const CARDS = 8;
const ROWS = 50;
let cards = CARDS;
let rows = ROWS;
let order = { column: "risk", down: false };
let again = () => {};

/** Cards of `endpoints` that need a look; `render` draws everything again. */
export function trouble(element, endpoints, render) {
  const bad = endpoints.filter((endpoint) => endpoint.trouble);
  if (!bad.length) {
    const said = endpoints.length ? "None: no idle timeouts that disagree, and no requests lost." : "No endpoint to show: none has closed a connection, or the filters leave none.";
    return replace(element, h("p", { class: "note" }, said));
  }
  const titles = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint.title]));
  const more = bad.length > cards
    ? h("p", {}, `Showing ${cards} of ${bad.length}. `, h("button", { type: "button", "data-key": "cards-more", on: { click: () => { cards += 24; render(); } } }, "Show more"))
    : null;
  return replace(element, ...bad.slice(0, cards).map((endpoint) => card(endpoint, titles)), more);
}

function card(endpoint, titles) {
  const title = h("header", {}, h("h3", {}, endpoint.title), h("span", { class: `badge risk-${endpoint.risk}` }, endpoint.risk_text));
  const attributes = { class: "card", "aria-label": endpoint.title, "data-endpoint": endpoint.id };
  if (endpoint.peer_endpoint) {
    const other = titles.get(endpoint.peer_endpoint) ?? endpoint.peer_endpoint;
    return h("article", attributes, title, h("p", { class: "note" }, `The other end of the same connections as ${other}, seen from here: see there.`));
  }
  if (endpoint.lost_hour) title.append(h("span", {}, `${counted(endpoint.lost_hour, "request")} lost in the last hour`));
  title.append(h("span", { class: "note" }, `${number(endpoint.established)} open`));
  const advice = endpoint.advice.map((one) => h("li", {},
    h("span", { class: `urgency urgency-${one.urgency}` }, one.alternative ? "or " : { now: "now: ", soon: "soon: ", consider: "consider: " }[one.urgency] ?? ""),
    ...prose(one.text)));
  const why = endpoint.advice[0]?.why;
  const timers = endpoint.timers.flatMap((timer) => [h("dt", {}, "timer"), h("dd", {}, timer.text, ...(timer.whose ? [" – ", ...prose(timer.whose)] : []))]);
  return h("article", attributes, title, h("div", { class: "columns" },
    h("div", {},
      why ? h("p", {}, ...prose(why)) : null,
      advice.length ? h("ul", { class: "advice" }, ...advice) : null),
    h("div", {},
      h("div", { class: "chart" }, idleChart(endpoint)),
      h("details", { open: true }, h("summary", { "data-key": `facts-${endpoint.id}` }, "Facts"),
        h("dl", {}, ...endpoint.lines.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, ...prose(text))]), ...timers)))));
}

const idle = (endpoint, side) => endpoint.timers.find((timer) => timer.side === side && timer.phase === "idle" && timer.clock === "idle")?.seconds;
const COLUMNS = [
  ["endpoint", "Endpoint", (one) => one.title, (one) => one.title],
  ["risk", "State", (one) => RISKS.indexOf(one.risk), (one) => h("span", { class: `risk-${one.risk}` }, one.risk_text)],
  ["open", "Open", (one) => one.established, (one) => number(one.established), true],
  ["closes", "Closes, 1 h", (one) => one.closes_hour, (one) => number(one.closes_hour), true],
  ["lost", "Lost, 1 h", (one) => one.lost_hour, (one) => number(one.lost_hour), true],
  ["broken", "Broken off, 1 h", (one) => one.premature_hour, (one) => number(one.premature_hour), true],
  ["server", "Server's timer", (one) => idle(one, "server") ?? -1, (one) => seconds(idle(one, "server")), true],
  ["client", "Client's timer", (one) => idle(one, "client") ?? -1, (one) => seconds(idle(one, "client")), true],
  ["gap", "Longest reuse gap", (one) => one.gaps.longest ?? -1, (one) => seconds(one.gaps.longest), true],
];

/** The table of `endpoints`, of which the agent told `total`; `choose` looks at one alone. */
export function table(endpoints, total, choose, render) {
  again = render;
  const [, , key] = COLUMNS.find(([name]) => name === order.column);
  const sorted = [...endpoints].sort((one, other) => {
    const [a, b] = order.down ? [key(other), key(one)] : [key(one), key(other)];
    return a < b ? -1 : a > b ? 1 : other.closes - one.closes;
  });
  replace($("all").tHead, h("tr", {}, ...COLUMNS.map(([name, label, , , numeric]) => h("th",
    { scope: "col", class: numeric ? "num" : null, "aria-sort": order.column === name ? (order.down ? "descending" : "ascending") : null },
    h("button", { type: "button", "data-key": `sort-${name}`, on: { click: () => sort(name, numeric) } },
      label, order.column === name ? (order.down ? " ▼" : " ▲") : "")))));
  replace($("all").tBodies[0], ...sorted.slice(0, rows).map((one) => h("tr", {}, ...COLUMNS.map(([name, , , shown, numeric], index) =>
    index === 0
      ? h("th", { scope: "row" }, h("a", { href: link(one), "data-key": `row-${one.id}`, on: { click: (event) => { event.preventDefault(); choose(one); } } }, shown(one)))
      : h("td", { class: numeric ? "num" : null }, shown(one))))));
  const shown = Math.min(rows, sorted.length);
  const left = total > endpoints.length ? ` The agent knows ${number(total)}; the filters and its worst ${number(endpoints.length)} are here.` : "";
  say($("all-note"), `Showing ${number(shown)} of ${number(sorted.length)}.${left}`);
  $("all-more").hidden = shown >= sorted.length;
}

function link(endpoint) {
  return `#${new URLSearchParams({ role: endpoint.role, port: endpoint.server_port ?? "", process: endpoint.process, ...(endpoint.workload_name ? { workload: endpoint.workload_name } : {}) })}`;
}

function sort(column, numeric) {
  order = { column, down: order.column === column ? !order.down : Boolean(numeric) };
  again();
}

$("all-more").addEventListener("click", () => {
  rows += 200;
  again();
});
