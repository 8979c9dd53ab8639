// What is looked at, kept in the address's fragment: `#verdict=idle-race&port=8080`, or a service by its ends:
// `#endpoint=server/8080/node&endpoint=client/8080/python3`; `at` is a past moment, `minute` one of its hour.

import { $ } from "./dom.js";

const NAMES = ["verdict", "role", "process", "port", "workload", "text"];
const field = (name) => $(`f-${name}`);

const ELSE = ["at", "minute", "window"];

export const filter = { verdict: "", role: "", process: "", port: "", workload: "", text: "", at: "", minute: "", window: "", endpoint: [] };
export const WINDOWS = [["5", "5 min"], ["15", "15 min"], ["", "1 h"]];
export const minutes = () => Number(filter.window) || 60;

/** Calls `changed` whenever another thing is looked at. */
export function follow(changed) {
  const read = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const name of NAMES) {
      filter[name] = said.get(name) ?? "";
      field(name).value = filter[name];
      if (field(name).value !== filter[name]) filter[name] = field(name).value;
    }
    for (const name of ELSE) filter[name] = said.get(name) ?? "";
    if (Number.isNaN(new Date(filter.at || 0).getTime())) filter.at = "";
    filter.endpoint = said.getAll("endpoint").slice(0, 32);
    changed();
  };
  let waiting;
  $("filters").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => set(Object.fromEntries(NAMES.map((name) => [name, field(name).value.trim()]))), 150);
  });
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    set({ ...Object.fromEntries(NAMES.map((name) => [name, ""])), minute: "", endpoint: [] });
  });
  addEventListener("hashchange", read);
  read();
}

/** Looks at something else. */
export function set(wanted) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, ...wanted })) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) said.append(name, one);
  }
  const hash = said.toString();
  if (hash === location.hash.slice(1)) return;
  if (hash) location.hash = hash;
  else {
    history.replaceState(null, "", location.pathname);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

/** What the agent is to count: the rest is chosen here. Endpoints in `muted` take no part in its sentence. */
export function query(muted = []) {
  const asked = new URLSearchParams();
  for (const id of filter.endpoint) asked.append("endpoint", id);
  for (const id of muted) asked.append("muted", id);
  if (filter.at) asked.set("at", filter.at);
  if (filter.role) asked.set("role", filter.role);
  if (/^\d{1,5}$/.test(filter.port) && Number(filter.port) < 65536) asked.set("port", filter.port);
  if (filter.process) asked.set("process", filter.process);
  if (filter.workload) asked.set("workload", filter.workload);
  const text = asked.toString();
  return text ? `?${text}` : "";
}

const has = (text) => text.toLowerCase().includes(filter.text.toLowerCase());

export function wantsEndpoint(endpoint) {
  const verdict = !filter.verdict || endpoint.verdicts.some(([word, count]) => word === filter.verdict && count > 0);
  const said = () => [endpoint.title, ...endpoint.lines.flat(), ...endpoint.timers.flatMap((one) => [one.text, one.whose ?? ""])];
  return verdict && (!filter.text || said().some(has));
}

export function wantsClose(close) {
  const said = () => [
    close.local, close.remote, close.summary, close.cause, close.code, close.race ?? "", close.process?.comm ?? "",
    close.server ?? "", close.workload_name ?? "", close.peer_name ?? "", ...close.evidence,
  ];
  return (!filter.verdict || close.verdict === filter.verdict)
    && (!filter.minute || inMinute(close.time))
    && (!filter.endpoint.length || filter.endpoint.includes(close.endpoint))
    && (!filter.role || close.role === filter.role)
    && (!filter.process || (close.process?.comm ?? "") === filter.process || String(close.process?.pid ?? "") === filter.process)
    && (!filter.port || String(close.server_port ?? "") === filter.port)
    && (!filter.workload || matches(filter.workload, close.workload_name ?? ""))
    && (!filter.text || said().some(has));
}

/** In the minute that was chosen among the bars. */
function inMinute(time) {
  const passed = new Date(time) - new Date(filter.minute);
  return passed >= 0 && passed < 60000;
}

export function wantsShutdown(shutdown) {
  const said = () => [shutdown.summary, shutdown.cost, ...shutdown.remedies];
  return !filter.text || said().some(has);
}

/** As the agent matches names: `*` stands for anything, `?` for one letter. */
function matches(pattern, name) {
  const parts = [...pattern].map((letter) => ({ "*": ".*", "?": "." })[letter] ?? letter.replace(/[^\p{L}\p{N}]/u, "\\$&"));
  return new RegExp(`^${parts.join("")}$`, "us").test(name);
}
