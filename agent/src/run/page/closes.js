// The last closes: newest first, each with its evidence behind it.

import { $, h, put, say } from "./dom.js";
import { swatch } from "./charts.js";
import { filter, wantsClose } from "./filter.js";
import { TROUBLE, counted, number, seconds, timeOfDay } from "./words.js";

/** Kept here at most, and by the agent: 100 in trouble, as many others, and 8 in trouble of each endpoint. */
const KEPT = 2600;
const SHOWN = 40;
const known = new Map();
const elements = new Map();
let shown = SHOWN;
let newest = 0;
let leftOut = 0;

/** Takes in closes; those that are new since the page was opened are marked. Returns them. */
export function take(closes, left, mark) {
  leftOut = left;
  const fresh = closes.filter((close) => !known.has(close.number));
  for (const close of fresh) {
    known.set(close.number, close);
    if (mark) elements.set(close.number, element(close, true));
    newest = Math.max(newest, close.number);
  }
  if (known.size > KEPT) {
    for (const number of [...known.keys()].sort((one, other) => one - other).slice(0, known.size - KEPT)) {
      known.delete(number);
      elements.delete(number);
    }
  }
  return fresh;
}

/** The agent began anew: its numbers do too. */
export function forget() {
  known.clear();
  elements.clear();
  newest = 0;
}

export const newestNumber = () => newest;

export function render() {
  const all = [...known.values()].sort((one, other) => other.number - one.number);
  const isWanted = (close) => filter.verdict || !$("trouble-only").checked || TROUBLE.includes(close.verdict);
  const wanted = all.filter((close) => isWanted(close) && wantsClose(close));
  const list = wanted.slice(0, shown).map((close) => {
    if (!elements.has(close.number)) elements.set(close.number, element(close, false));
    return elements.get(close.number);
  });
  const left = leftOut ? ` ${counted(leftOut, "more close")} came too fast to be kept with evidence; they are counted everywhere else.` : "";
  say($("closes-note"), `Showing ${number(list.length)} of ${number(wanted.length)}${wanted.length < all.length ? `, chosen of ${number(all.length)}` : ""}. Select one to see how it is known.${left}`);
  const more = wanted.length > shown
    ? h("p", {}, h("button", { type: "button", "data-key": "closes-more", on: { click: () => { shown += 80; render(); } } }, "Show more"))
    : null;
  put($("closes"), list.length ? list : [h("p", { class: "note" }, all.length ? "None that the filters let through." : "None yet.")], more);
}

$("trouble-only").addEventListener("change", render);

function element(close, fresh) {
  const who = close.process ? `${close.process.comm}${close.process.pid ? ` (${close.process.pid})` : ""}` : "process not known";
  const port = close.server_port === null ? "" : close.role === "client" ? `, client of port ${close.server_port}` : ` on port ${close.server_port}`;
  const details = h("details", { class: fresh ? "fresh" : null, "data-close": close.number, "data-live": fresh },
    h("summary", { "data-key": `close-${close.number}` },
      h("time", { class: "time", datetime: close.time }, timeOfDay(close.time)),
      h("span", { class: "word" }, swatch(close.verdict), close.verdict),
      h("span", { class: "said" }, close.summary),
      h("span", { class: "who" }, who + port + (close.workload_name ? ` in ${close.workload_name}` : ""))));
  details.addEventListener("animationend", () => details.classList.remove("fresh"));
  // Most are never looked into.
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(evidence(close));
  });
  return details;
}

function evidence(close) {
  const arrow = close.closer === "unknown" || close.closer === "both" || close.closer === "network" || close.closer === "host" ? "–"
    : (close.closer === close.role ? "→" : "←");
  const facts = [
    ["connection", h("span", { class: "mono" }, `${close.local} ${arrow} ${close.remote}`)],
    ["this end", close.role],
    ["workload", close.workload_name],
    ["other end", close.peer_name],
    ["closed by", close.closed_by ? `${close.closer}: ${close.closed_by.comm} (${close.closed_by.pid})` : close.closer],
    ["how, phase", `${close.close_type}, ${close.phase} (code ${close.code})`],
    ["cause", close.cause === "unknown" ? null : close.cause],
    ["race", close.race],
    ["idle", close.idle_seconds === null ? null : seconds(close.idle_seconds)],
    ["age", close.age_seconds === null ? null : seconds(close.age_seconds)],
    ["request under way", close.request_seconds === null ? null : `for ${seconds(close.request_seconds)}`],
    ["served", close.requests === null ? null : counted(close.requests, "request")],
    ["Server", close.server],
    ["certainty", `${close.confidence}, from ${{ http: "messages that were read", turns: "who spoke last", inferred: "TLS turns and record sizes" }[close.basis] ?? close.basis}`],
  ].filter(([, value]) => value !== null && value !== undefined);
  return h("div", { class: "more" },
    h("dl", {}, ...facts.flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)])),
    h("p", {}, "How it is known:"),
    h("ul", {}, ...close.evidence.map((line) => h("li", {}, line))));
}
