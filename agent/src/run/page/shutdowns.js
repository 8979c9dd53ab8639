// Servers that stopped: newest first, each with what it cost and what to do behind it.

import { $, h, prose, put, say } from "./dom.js";
import { wantsShutdown } from "./filter.js";
import { counted, number, timeOfDay } from "./words.js";

const SHOWN = 8;
let shown = SHOWN;
/** By id: what was drawn, and from what. */
const drawn = new Map();

/** Draws `shutdowns` in place of those before; what has not changed stays as it is. */
export function render(shutdowns) {
  const wanted = shutdowns.filter(wantsShutdown);
  const known = new Set(shutdowns.map((one) => one.id));
  for (const id of [...drawn.keys()].filter((id) => !known.has(id))) drawn.delete(id);
  const list = wanted.slice(0, shown).map(element);
  const lossy = wanted.filter((one) => one.lost > 0).length;
  const said = wanted.length
    ? `Showing ${number(list.length)} of ${number(wanted.length)}, ${lossy ? `of which ${number(lossy)} lost requests or refused connects` : "none of which lost a request"}. Select one to see what to do.`
    : shutdowns.length ? "None that the filters let through." : "None: no process has stopped listening.";
  say($("shutdowns-note"), said);
  const more = wanted.length > shown
    ? h("p", {}, h("button", { type: "button", "data-key": "shutdowns-more", on: { click: () => { shown += 64; render(shutdowns); } } }, "Show more"))
    : null;
  put($("shutdowns"), list, more);
}

function element(shutdown) {
  const text = JSON.stringify(shutdown);
  const before = drawn.get(shutdown.id);
  if (before?.text === text) return before.element;
  const { lost, process } = shutdown;
  const who = `${process?.comm || "a process"}${process?.pid ? ` (${process.pid})` : ""} on port ${shutdown.server_port}`;
  const summary = [
    h("time", { class: "time", datetime: shutdown.time }, timeOfDay(shutdown.time)),
    h("span", { class: lost ? "word risk-losing" : "word" }, lost ? `${number(lost)} lost` : "nothing lost"),
    h("span", { class: "said" }, shutdown.cost || "No request was cut and no connect refused."),
    h("span", { class: "who" }, who + (shutdown.workload_name ? ` in ${shutdown.workload_name}` : "")),
  ];
  const more = h("div", { class: "more" },
    h("p", {}, ...prose(shutdown.summary)),
    shutdown.remedies.length ? h("p", {}, "What to do:") : null,
    shutdown.remedies.length ? h("ul", {}, ...shutdown.remedies.map((remedy) => h("li", {}, ...prose(remedy)))) : null,
    h("dl", {}, ...shutdown.lines.flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)])));
  if (before) {
    // It stays open, and keeps the focus.
    before.element.firstChild.replaceChildren(...summary);
    before.element.lastChild.replaceWith(more);
    before.text = text;
    return before.element;
  }
  const details = h("details", { "data-shutdown": shutdown.id, "data-lost": lost }, h("summary", { "data-key": `shutdown-${shutdown.id}` }, ...summary), more);
  drawn.set(shutdown.id, { text, element: details });
  return details;
}

/** For the figures: how many lost something, of how many. */
export function figure(shutdowns) {
  const lossy = shutdowns.filter((one) => one.lost > 0).length;
  return [number(lossy), `of ${counted(shutdowns.length, "shutdown")} lost requests or refused connects`, lossy > 0];
}
