// Endpoints in trouble, as cards: what to do, and why.

import { copied, h, prose, replace } from "./dom.js";
import { idleChart } from "./charts.js";
import { ago, counted, number } from "./words.js";

const CARDS = 3;
let cards = CARDS;

/** Cards of `endpoints` that need a look, or of all where one service is looked at; `render` draws everything again. */
export function trouble(element, endpoints, render, whole) {
  const bad = whole ? endpoints : endpoints.filter((endpoint) => endpoint.trouble && !endpoint.peer_endpoint);
  if (!bad.length) {
    const said = endpoints.length ? "Nothing: no idle timeouts that disagree, and no requests lost." : "Nothing to show: no connection has ended, or the filters leave none.";
    return replace(element, h("p", { class: "note" }, said));
  }
  const titles = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint.title]));
  const more = bad.length > cards
    ? h("p", {}, `Showing ${cards} of ${bad.length}. `, h("button", { type: "button", "data-key": "cards-more", on: { click: () => { cards += 24; render(); } } }, "Show more"))
    : null;
  return replace(element, ...bad.slice(0, cards).map((endpoint) => card(endpoint, titles)), more);
}

function card(endpoint, titles) {
  const title = h("header", {}, h("h3", {}, endpoint.title), h("span", { class: `badge risk-${endpoint.state}` }, endpoint.risk_text));
  const attributes = { class: "card", "aria-label": endpoint.title, "data-endpoint": endpoint.id };
  if (endpoint.peer_endpoint) {
    const other = titles.get(endpoint.peer_endpoint) ?? endpoint.peer_endpoint;
    return h("article", attributes, title, h("p", { class: "note" }, `The other end of the same connections as ${other}, seen from here: see there.`));
  }
  if (endpoint.lost_hour) title.append(h("span", {}, `${counted(endpoint.lost_hour, "request")} lost in the last hour`));
  if (endpoint.last_lost) title.append(h("span", { class: "note" }, `the last one ${ago(endpoint.last_lost)}`));
  title.append(h("span", { class: "note" }, `${number(endpoint.established)} open`));
  const advice = endpoint.advice.map((one) => h("li", {},
    h("span", { class: `urgency urgency-${one.urgency}` }, one.alternative ? "or " : { now: "now: ", soon: "soon: ", consider: "consider: " }[one.urgency] ?? ""),
    ...prose(one.text),
    one.value && one.setting ? copied(one.value, `copy-${endpoint.id}-${one.side}-${one.value}`) : null));
  const why = endpoint.advice[0]?.why;
  const timers = endpoint.timers.flatMap((timer) => [h("dt", {}, "timer"), h("dd", {}, timer.text, ...(timer.whose ? [" – ", ...prose(timer.whose)] : []))]);
  const said = why || advice.length
    ? h("div", {}, why ? h("p", {}, ...prose(why)) : null, advice.length ? h("ul", { class: "advice" }, ...advice) : null)
    : null;
  const drawing = h("div", { class: "chart" }, idleChart(endpoint));
  return h("article", attributes, title, h("div", { class: "columns" },
    said ?? drawing,
    h("div", {},
      said ? drawing : null,
      h("details", { open: true }, h("summary", { "data-key": `facts-${endpoint.id}` }, "Facts"),
        h("dl", {}, ...endpoint.lines.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, ...prose(text))]), ...timers)))));
}
