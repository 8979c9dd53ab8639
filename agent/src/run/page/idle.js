// When idle connections were closed, and after how long: a heatmap of the hour, with the timers as lines.

import { s } from "./dom.js";
import { hourAndMinute, number, seconds } from "./words.js";

const WIDTH = 1000;
const HEIGHT = 200;
const LEFT = 60;
const BOTTOM = 20;
const TOP = 8;
const MINUTES = 61;
const TICKS = [0.01, 0.1, 1, 5, 10, 30, 60, 300, 600, 3600];
const begins = (bin) => 0.01 * 10 ** (bin / 24);

/** Of both ends of a service; `null` where no idle connection was closed. */
export function heatmap(ends, minutes) {
  const cells = merged(ends);
  if (!cells.length) return null;
  const timers = lines(ends);
  const all = [...cells.flatMap(({ bin }) => [begins(bin), begins(bin + 1)]), ...timers.map((timer) => timer.seconds)];
  const least = Math.max(0.01, Math.min(...all) / 1.3);
  const most = Math.max(Math.max(...all) * 1.3, least * 10);
  const y = (time) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.log(Math.min(Math.max(time, least), most) / least) / Math.log(most / least));
  const step = (WIDTH - LEFT) / MINUTES;
  const x = (minute) => LEFT + minute * step;
  const from = new Date(minutes.from).getTime();
  const peak = Math.max(...cells.map((cell) => cell.count));
  const shapes = TICKS.filter((time) => time >= least && time <= most).flatMap((time) => [
    s("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(time), y2: y(time) }),
    s("text", { x: LEFT - 6, y: y(time) + 4, "text-anchor": "end" }, time < 60 ? `${time} s` : time < 3600 ? `${time / 60} min` : `${time / 3600} h`),
  ]);
  for (let minute = 0; minute < MINUTES; minute += 15) {
    shapes.push(s("text", { x: Math.min(x(minute) + step / 2, WIDTH - 18), y: HEIGHT - 4, "text-anchor": "middle" }, hourAndMinute(from + minute * 60000)));
  }
  for (const { side, minute, bin, count } of cells) {
    const top = y(begins(bin + 1));
    const said = `${hourAndMinute(from + minute * 60000)}: the ${side} closed ${number(count)} after ${seconds(begins(bin))} to ${seconds(begins(bin + 1))}`;
    // Side by side where both closed after the same time.
    const half = step / 2;
    shapes.push(s("rect", { x: x(minute) + (side === "server" ? 0 : half), width: half - 0.5, y: top, height: Math.max(y(begins(bin)) - top, 4), fill: `var(--${side})`, "fill-opacity": 0.35 + 0.65 * count / peak }, s("title", {}, said)));
  }
  timers.forEach((timer, index) => {
    const at = y(timer.seconds);
    const stroke = `var(--${timer.side})`;
    shapes.push(s("line", { x1: LEFT, x2: WIDTH, y1: at, y2: at, stroke, "stroke-width": 1.5, "stroke-dasharray": timer.side === "server" ? "" : "6 4" }));
    shapes.push(s("text", { class: "strong", x: LEFT + 8 + 200 * (index % 2), y: at < 24 ? at + 14 : at - 5 }, `${timer.side}'s timer ${seconds(timer.seconds)}`));
  });
  const label = `${number(cells.reduce((sum, cell) => sum + cell.count, 0))} closes of idle connections; ${timers.map((timer) => `the ${timer.side}'s timer at ${seconds(timer.seconds)}`).join(", ") || "no timer was inferred"}`;
  return s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, ...shapes);
}

/** Both ends tell of the same close: the larger count stands. */
function merged(ends) {
  const cells = new Map();
  for (const end of ends) {
    for (const side of ["server", "client"]) {
      for (const [ago, bin, count] of end[`idle_${side}_minutes`]) {
        const key = `${side} ${ago} ${bin}`;
        cells.set(key, { side, minute: MINUTES - 1 - ago, bin, count: Math.max(count, cells.get(key)?.count ?? 0) });
      }
    }
  }
  return [...cells.values()];
}

function lines(ends) {
  const all = ends.flatMap((end) => end.timers).filter((timer) => timer.phase === "idle" && timer.clock === "idle");
  const apart = new Map(all.map((timer) => [`${timer.side} ${seconds(timer.seconds)}`, timer]));
  return [...apart.values()].slice(0, 4);
}
