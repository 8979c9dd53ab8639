// Fetches what the agent says, follows its events, and draws.

import { $, copied, h, prose, replace, say } from "./dom.js";
import { bars, legend, minutesTable } from "./charts.js";
import * as closes from "./closes.js";
import { trouble } from "./endpoints.js";
import { heatmap } from "./idle.js";
import * as map from "./map.js";
import * as services from "./services.js";
import * as shutdowns from "./shutdowns.js";
import { WINDOWS, filter, follow, minutes, query, set, wantsClose, wantsEndpoint } from "./filter.js";
import { TONES, TROUBLE, VERDICTS, ago, countFrom, counted, dayAndTime, number, percent, seconds, timeOfDay } from "./words.js";

const REFRESH = 5000;
const SOON = 1500;
let live = null;
let events = null;
let paused = false;
let timer;
/** When it is to go off. */
let due = Infinity;
let asked = 0;
let announced = 0;
let drawn = "";
let answered = "";

/** Everything but the single closes. */
async function refresh() {
  unschedule();
  const turn = ++asked;
  try {
    const answer = await fetch(`/api/v1/live${query(services.muted())}`, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
    const view = await answer.json();
    if (turn !== asked || paused) return;
    if (live && view.meta.from !== live.meta.from) {
      closes.forget();
      load();
    }
    live = view;
    answered = timeOfDay(Date.now());
    countFrom(filter.at ? view.now : null);
    stale(false);
    draw();
  } catch (error) {
    if (turn !== asked || paused) return;
    stale(true);
    const last = answered ? ` What is shown is of ${answered}.` : "";
    say($("problem"), filter.at ? `That time cannot be shown: ${error.message}` : `The agent does not answer (${error.message}).${last} The page keeps asking.`);
  }
  if (!paused && !document.hidden && !filter.at) refreshWithin(REFRESH);
}

/** What is shown is old. */
function stale(is) {
  $("problem").hidden = !is;
  document.body.dataset.stale = String(is);
}

/** Not later than that: trouble that goes on may not put it off again and again. */
function refreshWithin(milliseconds) {
  const at = Date.now() + milliseconds;
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refresh, milliseconds);
}

function unschedule() {
  clearTimeout(timer);
  due = Infinity;
}

async function load() {
  try {
    const answer = await fetch(`/api/v1/closes${filter.at ? `?${new URLSearchParams({ at: filter.at })}` : ""}`);
    if (!answer.ok) return;
    const view = await answer.json();
    closes.take(view.closes, view.left_out, false);
    closes.render();
  } catch {
    // `refresh` tells of an agent that does not answer.
  }
}

function listen() {
  events?.close();
  events = new EventSource("/api/v1/events");
  events.addEventListener("open", () => status("live", "live"));
  events.addEventListener("pulse", (event) => {
    const pulse = JSON.parse(event.data);
    status("live", `live, ${timeOfDay(Date.now())}`);
    if (pulse.newest < closes.newestNumber()) closes.forget();
    const fresh = closes.take(pulse.closes, pulse.left_out, true);
    if (fresh.length) closes.render();
    const bad = fresh.filter((close) => TROUBLE.includes(close.verdict) && wantsClose(close));
    if (bad.length) {
      announce(bad);
      refreshWithin(SOON);
    }
    if (live && !query()) {
      live.minutes.counts[live.minutes.counts.length - 1] = pulse.minute;
      figures(pulse.open, pulse.lost_hour);
    }
  });
  events.addEventListener("error", () => {
    status("lost", "not connected; trying again");
    // Refused, not interrupted: browsers do not try that again by themselves.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { if (!paused && !document.hidden) { load(); listen(); } }, 10000);
  });
}

function status(state, text) {
  $("status").dataset.state = state;
  say($("status-text"), text);
}

/** For those who listen: trouble, and not every second. */
function announce(bad) {
  if (Date.now() - announced < 8000) return;
  announced = Date.now();
  say($("announce"), `${counted(bad.length, "new close")} in trouble. ${bad[0].summary}`);
}

function draw() {
  const { headline } = live;
  $("headline").dataset.tone = headline.tone;
  say($("headline-tone"), filter.at && headline.tone === "losing" ? "Requests were being lost" : TONES[headline.tone] ?? "");
  say($("headline-text"), headline.text);
  $("headline-action").hidden = !headline.action;
  replace($("headline-action"), ...prose(headline.action ?? ""));
  figures(live.open.reduce((sum, one) => sum + one.count, 0), live.lost_hour);
  chart();
  const endpoints = live.endpoints.filter(wantsEndpoint);
  // Drawing again takes the place of what somebody may be reading.
  const now = JSON.stringify([endpoints, filter]);
  if (now !== drawn) {
    drawn = now;
    lists();
  }
  shutdowns.render(live.shutdowns);
  offer($("processes"), (endpoint) => endpoint.process);
  offer($("workloads"), (endpoint) => endpoint.workload_name);
  const { meta, viewers } = live;
  const missed = [[meta.events_lost, "event"], [meta.connections_untracked, "connection"], [meta.endpoints_over, "close"]].filter(([count]) => count > 0).map(([count, thing]) => `${counted(count, thing)} ${thing === "close" ? `of ${counted(Math.max(meta.endpoints_beyond, 1), "endpoint")} beyond the limit` : "missed"}`);
  if (meta.not_observed_seconds > 0) missed.push(`${seconds(meta.not_observed_seconds)} not observed: no agent ran`);
  if (meta.not_recorded > 0) missed.push(`${counted(meta.not_recorded, "close")} not recorded`);
  const follows = filter.at ? "" : `; ${counted(viewers.now, "page")} of at most ${viewers.most} follow${viewers.now === 1 ? "s" : ""}`;
  say($("about"), `whohungup ${meta.version} on Linux ${meta.kernel}; ${filter.at ? "looked at" : "watching for"} ${seconds(meta.observed_seconds)}; ${counted(meta.closes, "close")}; ${missed.length ? missed.join(", ") : "nothing was missed"}${follows}.`);
  document.title = headline.tone === "losing" ? `(${live.lost_hour}) whohungup` : "whohungup";
}

/** What a filter can be set to. */
function offer(datalist, name) {
  const names = [...new Set(live.endpoints.map(name).filter(Boolean))].sort().slice(0, 200);
  replace(datalist, ...names.map((value) => h("option", { value })));
}

/** On a narrow screen the newest minutes are looked at first. */
function showNewest(element) {
  if (element.scrollWidth > element.clientWidth && !element.scrollLeft) element.scrollLeft = element.scrollWidth;
}

/** The services; or one of them, with all that is known of it. */
function lists() {
  const endpoints = live.endpoints.filter(wantsEndpoint);
  const all = services.services(endpoints, minutes());
  const one = services.chosen(all);
  const range = WINDOWS.find(([value]) => value === filter.window)?.[1] ?? "1 h";
  const again = (muting) => (muting === true ? refresh() : lists());
  $("services-section").hidden = Boolean(one);
  if (!one) services.table(all, { total: live.endpoints_total, told: live.endpoints.length, range }, again);
  crumb(one);
  trouble($("trouble"), one ? one.ends : endpoints, lists, Boolean(one));
  $("trouble-section").hidden = !one && !endpoints.some((endpoint) => endpoint.trouble);
  const drawing = one ? heatmap(one.ends, live.minutes) : null;
  $("idle-section").hidden = !drawing;
  replace($("idle"), drawing);
  showNewest($("idle"));
  map.draw(endpoints, all, one);
}

/** Where one is, and what is worth knowing first of the service. */
function crumb(one) {
  $("crumb").hidden = !one;
  if (!one) return replace($("crumb"));
  const lost = one.lostEver
    ? `${counted(one.lostEver, "request")} lost${one.share === undefined ? "" : ` (${percent(one.share)})`}, the last one ${ago(one.lastLost)}; ${one.lost ? `${number(one.lost)} in the time shown` : "none in the time shown"}`
    : "no request lost";
  const address = `${location.origin}/${services.link(one)}`;
  return replace($("crumb"),
    h("p", {}, h("a", { href: "/", "data-key": "all", on: { click: (event) => { event.preventDefault(); set({ endpoint: [], port: "", process: "", workload: "", minute: "" }); } } }, "All services")),
    h("h2", {}, one.name, one.where ? h("span", { class: "sub" }, ` in ${one.where}`) : null),
    h("p", { class: "note" }, `${one.stateText}; ${lost}. `, copied(address, "copy-link"), " a link to this service"));
}

function chart() {
  const choose = (minute) => set({ minute });
  replace($("hour"), bars(live.minutes, { verdict: filter.verdict, minute: filter.minute, window: minutes() }, choose));
  showNewest($("hour"));
  replace($("legend"), ...legend(live.minutes, filter.verdict, (verdict) => set({ verdict })));
  replace($("hour-table"), minutesTable(live.minutes, filter.minute, choose));
}

function figures(open, lost) {
  const total = live.minutes.counts.flat().reduce((sum, count) => sum + count, 0);
  const of = (verdict) => live.minutes.counts.reduce((sum, row) => sum + row[live.minutes.verdicts.indexOf(verdict)], 0);
  const states = (role) => live.open.filter((one) => one.role === role).reduce((sum, one) => sum + one.count, 0);
  const rows = [
    [number(open), `open connections: ${number(states("server"))} as server, ${number(states("client"))} as client`],
    [number(total), "closes in the last hour"],
    [number(lost), "requests lost", lost > 0],
    [number(of("premature-hangup")), "broken off in the middle", false],
    [number(live.endpoints_in_trouble), "endpoints in trouble"],
    shutdowns.figure(live.shutdowns),
  ];
  replace($("figures"), ...rows.map(([value, label, alarm]) => h("li", { class: alarm ? "alarm" : null }, h("b", {}, value), label)));
}

function resume() {
  load();
  if (filter.at) {
    stop();
    status("past", `until ${dayAndTime(filter.at)}`);
  } else {
    listen();
  }
  refresh();
}

function stop() {
  unschedule();
  events?.close();
  events = null;
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  say($("pause"), paused ? "Resume" : "Pause");
  if (paused) {
    stop();
    status("paused", "paused");
  } else {
    resume();
  }
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("closes-title").scrollIntoView();
  $("closes").querySelector("summary, button")?.focus();
});

document.addEventListener("visibilitychange", () => {
  if (paused) return;
  if (document.hidden) stop();
  else resume();
});

for (const [verdict, words] of Object.entries(VERDICTS)) {
  $("f-verdict").append(h("option", { value: verdict, title: words }, verdict));
}
/** The time shown: how long, and until when. */
function times() {
  replace($("windows"), ...WINDOWS.map(([value, label]) => h("button",
    { type: "button", "aria-pressed": String(filter.window === value), "data-key": `window-${value}`, on: { click: () => set({ window: value }) } }, label)));
  const local = filter.at ? new Date(new Date(filter.at) - new Date(filter.at).getTimezoneOffset() * 60000).toISOString().slice(0, 19) : "";
  if (document.activeElement !== $("f-at")) $("f-at").value = local;
  $("now").hidden = !filter.at;
}

$("f-at").addEventListener("change", () => {
  const wanted = new Date($("f-at").value);
  set({ at: Number.isNaN(wanted.getTime()) ? "" : wanted.toISOString(), minute: "" });
});
$("now").addEventListener("click", () => {
  $("f-at").value = "";
  set({ at: "", minute: "" });
});
$("home").addEventListener("click", (event) => {
  event.preventDefault();
  set({ ...Object.fromEntries(Object.keys(filter).map((name) => [name, ""])), endpoint: [] });
});

let begun = false;
let shownAt = "";
follow(() => {
  times();
  closes.render();
  if (live) {
    chart();
    lists();
    shutdowns.render(live.shutdowns);
  }
  const moved = shownAt !== filter.at;
  shownAt = filter.at;
  if (moved) closes.forget();
  if (begun && moved) resume();
  else if (begun && !paused) refresh();
});
begun = true;
resume();
