// Drawings: bars by minute and verdict, and when idle connections were shut.

import { h, s } from "./dom.js";
import { STACK, VERDICTS, colour, counted, hourAndMinute, number, seconds } from "./words.js";

const WIDTH = 1000;
const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;

/** Of `minutes`, in the order of STACK: the columns of the agent's table. */
function columns(minutes) {
  return STACK.filter((verdict) => minutes.verdicts.includes(verdict))
    .map((verdict) => [verdict, minutes.verdicts.indexOf(verdict)]);
}

/** Closes of the hour as stacked bars; `verdict` is looked at alone, `minute` is marked, `choose` takes another one. */
export function bars(minutes, { verdict: chosen, minute: marked, window }, choose) {
  const order = columns(minutes);
  const rows = minutes.counts;
  const of = (row) => (chosen ? row[minutes.verdicts.indexOf(chosen)] ?? 0 : row.reduce((sum, count) => sum + count, 0));
  const top = nice(Math.max(1, ...rows.map(of)));
  const step = (WIDTH - LEFT) / rows.length;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const from = new Date(minutes.from).getTime();
  const shapes = [];
  if (window < 60) shapes.push(s("rect", { class: "window", x: LEFT + (rows.length - window) * step, width: window * step, y: TOP, height: HEIGHT - TOP - BOTTOM }));
  for (const value of top === 1 ? [0, 1] : [0, top / 2, top]) {
    shapes.push(s("line", { class: value === 0 ? "axis" : "grid", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }));
    shapes.push(s("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  }
  rows.forEach((row, index) => {
    const x = LEFT + index * step;
    if (index % 15 === 0) {
      const label = index === rows.length - 1 && Date.now() - from < 3700000 ? "now" : hourAndMinute(from + index * 60000);
      shapes.push(s("text", { x: Math.min(x + step / 2, WIDTH - 14), y: HEIGHT - 5, "text-anchor": "middle" }, label));
    }
    let below = 0;
    const parts = [];
    for (const [verdict, column] of order) {
      const count = row[column];
      if (!count || (chosen && verdict !== chosen)) continue;
      const height = Math.max(y(below) - y(below + count), 1.5);
      parts.push(s("rect", { x: x + 1, width: step - 2, y: y(below) - height, height, fill: colour(verdict) }));
      below += count;
    }
    const begins = new Date(from + index * 60000).toISOString();
    const ground = s("rect", { class: begins === marked ? "slot marked" : "slot", x, width: step, y: TOP, height: HEIGHT - TOP - BOTTOM });
    if (parts.length) shapes.push(s("g", { class: "bar-of", on: { click: () => choose(begins === marked ? "" : begins) } }, s("title", {}, minute(row, order, from + index * 60000)), ground, ...parts));
  });
  const total = rows.reduce((sum, row) => sum + of(row), 0);
  const label = `${counted(total, "close")} in the last hour${chosen ? ` with verdict ${chosen}` : ""}, at most ${number(Math.max(...rows.map(of)))} in a minute. A table follows.`;
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...shapes);
}

function minute(row, order, time) {
  const said = order.filter(([, column]) => row[column]).map(([verdict, column]) => `${row[column]} ${verdict}`);
  return `${hourAndMinute(time)}: ${said.reverse().join(", ")}`;
}

/** The same as a table: minutes in which anything ended, newest first. */
export function minutesTable(minutes, marked, choose) {
  const order = columns(minutes).reverse().filter(([, column]) => minutes.counts.some((row) => row[column] > 0));
  const from = new Date(minutes.from).getTime();
  const rows = minutes.counts.map((row, index) => [index, row]).reverse().filter(([, row]) => row.some((count) => count > 0));
  if (!rows.length) return h("p", { class: "note" }, "No connection has ended in the last hour.");
  return h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Minute"), ...order.map(([verdict]) => h("th", { scope: "col", class: "num" }, verdict)))),
    h("tbody", {}, ...rows.map(([index, row]) => h("tr", {},
      h("th", { scope: "row" }, minuteButton(new Date(from + index * 60000).toISOString(), marked, choose)),
      ...order.map(([, column]) => h("td", { class: "num" }, number(row[column])))))));
}

function minuteButton(begins, marked, choose) {
  const attributes = { type: "button", "aria-pressed": String(begins === marked), "data-key": `minute-${begins}` };
  return h("button", { ...attributes, on: { click: () => choose(begins === marked ? "" : begins) } }, hourAndMinute(begins));
}

/** A button for each verdict that was seen, with its count. */
export function legend(minutes, chosen, choose) {
  const sums = columns(minutes).reverse().map(([verdict, column]) =>
    [verdict, minutes.counts.reduce((sum, row) => sum + row[column], 0)]);
  return sums.filter(([verdict, sum]) => sum > 0 || verdict === chosen).map(([verdict, sum]) => h("li", {},
    h("button", { type: "button", "aria-pressed": String(verdict === chosen), "data-key": `legend-${verdict}`,
      title: VERDICTS[verdict], on: { click: () => choose(verdict === chosen ? "" : verdict) } },
    swatch(verdict), `${verdict} ${number(sum)}`)));
}

export function swatch(verdict) {
  return s("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, s("rect", { width: 10, height: 10, fill: colour(verdict) }));
}

const TICKS = [0.01, 0.03, 0.1, 0.3, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];
const ROW = 34;
const AXIS = 18;
const SIDE = 80;
const SPAN = 370;

/** When the idle connections of an endpoint were used again, and shut by either side, on one axis of time. */
export function idleChart(endpoint) {
  const begins = (bin) => 0.01 * 10 ** (bin / 24);
  const shut = (bins) => bins.map(([bin, count]) => [begins(bin), begins(bin + 1), count]);
  const rows = [
    ["used again", "var(--reuse)", endpoint.gaps.bins.map(([upper, count]) => [upper / 1.1, upper, count])],
    ["server shut", "var(--server)", shut(endpoint.idle_server)],
    ["client shut", "var(--client)", shut(endpoint.idle_client)],
  ].filter(([, , bins]) => bins.length > 0);
  if (!rows.length) return null;
  const timers = endpoint.timers.filter((timer) => timer.phase === "idle" && timer.clock === "idle").slice(0, 4);
  const all = [...rows.flatMap(([, , bins]) => bins.flatMap(([from, to]) => [from, to])), ...timers.map((timer) => timer.seconds)];
  const least = Math.max(0.01, Math.min(...all) / 1.15);
  const most = Math.max(Math.max(...all) * 1.15, least * 10);
  const x = (time) => SIDE + SPAN * Math.log(Math.min(Math.max(time, least), most) / least) / Math.log(most / least);
  const head = timers.length ? 14 * Math.min(timers.length, 2) + 2 : 4;
  const height = head + rows.length * ROW + AXIS;
  const shapes = [];
  for (const tick of TICKS.filter((time) => time >= least && time <= most)) {
    shapes.push(s("line", { class: "grid", x1: x(tick), x2: x(tick), y1: head, y2: height - AXIS }));
    shapes.push(s("text", { x: x(tick), y: height - 4, "text-anchor": "middle" }, tick < 60 ? `${tick}s` : tick < 3600 ? `${tick / 60}m` : `${tick / 3600}h`));
  }
  rows.forEach(([name, fill, bins], index) => {
    const ground = head + (index + 1) * ROW;
    const peak = Math.log1p(Math.max(...bins.map(([, , count]) => count)));
    shapes.push(s("line", { class: "axis", x1: SIDE, x2: SIDE + SPAN, y1: ground, y2: ground }));
    shapes.push(s("text", { class: "strong", x: SIDE - 8, y: ground - 6, "text-anchor": "end" }, name));
    for (const [from, to, count] of bins) {
      const tall = Math.max(3, (ROW - 6) * Math.log1p(count) / peak);
      const title = s("title", {}, `${name} after ${seconds(from)} to ${seconds(to)}: ${number(count)}`);
      shapes.push(s("rect", { x: x(from), width: Math.max(x(to) - x(from) - 0.6, 2), y: ground - tall, height: tall, fill }, title));
    }
  });
  timers.forEach((timer, index) => {
    const at = x(timer.seconds);
    const stroke = timer.side === "server" ? "var(--server)" : "var(--client)";
    const label = `${timer.side}'s timer ${seconds(timer.seconds)}`;
    const right = at > SIDE + SPAN - 110;
    shapes.push(s("line", { x1: at, x2: at, y1: head - 4, y2: height - AXIS, stroke, "stroke-width": 2, "stroke-dasharray": timer.side === "server" ? "" : "5 3" }));
    shapes.push(s("text", { class: "strong", x: right ? at - 5 : at + 5, y: 11 + 14 * (index % 2), "text-anchor": right ? "end" : "start" }, label));
  });
  return s("svg", { viewBox: `0 0 ${SIDE + SPAN + 16} ${height}`, role: "img", "aria-label": described(endpoint, rows, timers) }, ...shapes);
}

function described(endpoint, rows, timers) {
  const counts = rows.map(([name, , bins]) => `${name} ${bins.reduce((sum, [, , count]) => sum + count, 0)} times`);
  const marked = timers.map((timer) => `the ${timer.side}'s timer at ${seconds(timer.seconds)}`);
  return `Idle connections of ${endpoint.title}: ${[...counts, ...marked].join("; ")}. Heights are logarithms of the counts.`;
}

/** The next of 1, 2, 4, 10, 20, 40, ... */
function nice(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 10].map((factor) => factor * unit).find((round) => round >= value);
}
