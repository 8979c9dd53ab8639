// Fetches what the agent says, follows its events, and draws.

import { $, h, prose, replace, say } from "./dom.js";
import { bars, legend, minutesTable } from "./charts.js";
import * as closes from "./closes.js";
import { table, trouble } from "./endpoints.js";
import * as shutdowns from "./shutdowns.js";
import { filter, follow, query, set, wantsEndpoint } from "./filter.js";
import { TONES, VERDICTS, counted, number, seconds, timeOfDay } from "./words.js";

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

/** Everything but the single closes. */
async function refresh() {
  unschedule();
  const turn = ++asked;
  try {
    const answer = await fetch(`/api/v1/live${query()}`, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
    const view = await answer.json();
    if (turn !== asked || paused) return;
    if (live && view.meta.from !== live.meta.from) {
      closes.forget();
      load();
    }
    live = view;
    $("problem").hidden = true;
    draw();
  } catch (error) {
    if (turn !== asked || paused) return;
    $("problem").hidden = false;
    say($("problem"), `The agent does not answer (${error.message}). What is shown may be old; the page keeps asking.`);
  }
  if (!paused && !document.hidden) refreshWithin(REFRESH);
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
    const answer = await fetch("/api/v1/closes");
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
    const bad = fresh.filter((close) => ["idle-race", "premature-hangup", "network", "host-abort"].includes(close.verdict));
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
  const { headline, minutes } = live;
  $("headline").dataset.tone = headline.tone;
  say($("headline-tone"), TONES[headline.tone] ?? "");
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
  say($("about"), `whohungup ${meta.version} on Linux ${meta.kernel}; watching for ${seconds(meta.observed_seconds)}; ${counted(meta.closes, "close")}; ${missed.length ? missed.join(", ") : "nothing was missed"}; ${counted(viewers.now, "page")} of at most ${viewers.most} follow${viewers.now === 1 ? "s" : ""}.`);
  document.title = headline.tone === "losing" ? `(${live.lost_hour}) whohungup` : "whohungup";
}

/** What a filter can be set to. */
function offer(datalist, name) {
  const names = [...new Set(live.endpoints.map(name).filter(Boolean))].sort().slice(0, 200);
  replace(datalist, ...names.map((value) => h("option", { value })));
}

function lists() {
  const endpoints = live.endpoints.filter(wantsEndpoint);
  trouble($("trouble"), endpoints, lists);
  table(endpoints, live.endpoints_total, (one) => set({ role: one.role, port: String(one.server_port ?? ""), process: one.process, workload: one.workload_name ?? "" }), lists);
}

function chart() {
  replace($("hour"), bars(live.minutes, filter.verdict));
  replace($("legend"), ...legend(live.minutes, filter.verdict, (verdict) => set({ verdict })));
  replace($("hour-table"), minutesTable(live.minutes));
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
  listen();
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
let begun = false;
follow(() => {
  closes.render();
  if (live) {
    chart();
    lists();
    shutdowns.render(live.shutdowns);
  }
  if (begun && !paused) refresh();
});
begun = true;
resume();
