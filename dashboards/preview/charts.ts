// Lines, areas, bars and heatmaps over time.

import type { Answer, Series, View } from "../live/answers.js";
import type { Override, Step } from "../source/model.js";
import { area, type Box, colourOf, FAINT, fitted, LINE, PALETTE, path, rect, text } from "./svg.js";
import { format } from "./values.js";

interface Custom {
  stacking?: { mode: string };
  thresholdsStyle?: { mode: string };
  axisSoftMax?: number;
}

export function timeseries({ panel, series }: Answer, box: Box, view: View): string {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const custom = (defaults["custom"] ?? {}) as Custom;
  const all = series.flat().filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  const overrides = panel.fieldConfig?.overrides ?? [];
  const colours = all.map(({ legend }, at) => fixed(overrides, legend) ?? PALETTE[at % PALETTE.length] ?? "");
  const plot = { x: box.x + 58, y: box.y + 4, w: box.w - 66, h: box.h - 36 };
  const stacked = custom.stacking?.mode === "normal";
  const layers = stacked ? stack(all) : all.map((one) => ({ low: new Map<number, number>(), series: one }));

  const values = layers.flatMap(({ low, series: one }) => one.points.map(([time, value]) => value + (low.get(time) ?? 0)));
  const finite = values.filter(Number.isFinite);
  const least = Math.min(0, ...finite);
  const most = Math.max(custom.axisSoftMax ?? 0, ...finite) || 1;
  const across = (time: number) => plot.x + ((time - view.start) / (view.end - view.start)) * plot.w;
  const up = (value: number) => plot.y + plot.h - ((value - least) / (most - least)) * plot.h;

  const parts = [...frame(plot, least, most, (value) => format(value, defaults["unit"], undefined)), ...times(plot, view)];
  if (custom.thresholdsStyle?.mode === "dashed") {
    for (const { value, color } of (defaults["thresholds"] as { steps: Step[] }).steps) {
      if (value === null || value < least || value > most) continue;
      parts.push(`<line x1="${plot.x}" x2="${plot.x + plot.w}" y1="${up(value)}" y2="${up(value)}" stroke="${colourOf(color)}" stroke-dasharray="6 4"/>`);
    }
  }
  layers.forEach(({ low, series: one }, at) => {
    const colour = colours[at] ?? "";
    const drawn = one.points.filter(([, value]) => Number.isFinite(value));
    const top = drawn.map(([time, value]): [number, number] => [across(time), up(value + (low.get(time) ?? 0))]);
    if (stacked) {
      const bottom = drawn.map(([time]): [number, number] => [across(time), up(low.get(time) ?? 0)]).reverse();
      parts.push(area([...top, ...bottom], colour));
    } else {
      parts.push(path(top, colour, 1.6));
    }
  });
  parts.push(legend(all.map(({ legend: name }) => name), colours, box));
  return parts.join("");
}

function stack(all: Series[]): { low: Map<number, number>; series: Series }[] {
  const height = new Map<number, number>();
  return all.map((series) => {
    const low = new Map(height);
    for (const [time, value] of series.points) {
      if (Number.isFinite(value)) height.set(time, (height.get(time) ?? 0) + value);
    }
    return { low, series };
  });
}

/** Buckets of a histogram: each row is what its bucket has more than the one below. */
export function heatmap({ panel, series }: Answer, box: Box, view: View): string {
  const buckets = series.flat().map((one) => ({ bound: Number(one.labels["le"]?.replace("+Inf", "Infinity")), one }));
  buckets.sort((a, b) => a.bound - b.bound);
  const plot = { x: box.x + 58, y: box.y + 4, w: box.w - 66, h: box.h - 22 };
  const unit = (panel.options?.["yAxis"] as { unit?: string })?.unit;
  let below = new Map<number, number>();
  const rows = buckets.map(({ bound, one }) => {
    const cells = one.points.map(([time, value]): [number, number] => [time, Math.max(0, value - (below.get(time) ?? 0))]);
    below = new Map(one.points);
    return { bound, cells };
  });
  const most = Math.max(...rows.flatMap(({ cells }) => cells.map(([, value]) => value)).filter(Number.isFinite), 0);
  const high = plot.h / Math.max(rows.length, 1);
  const wide = plot.w / Math.max(1, ...buckets.map(({ one }) => one.points.length));
  const parts = [rect(plot, "#0B0C0E"), ...times(plot, view)];
  rows.forEach(({ bound, cells }, at) => {
    const y = plot.y + plot.h - (at + 1) * high;
    for (const [time, value] of cells) {
      if (!(value > 1e-9)) continue;
      const x = plot.x + ((time - view.start) / (view.end - view.start)) * plot.w;
      parts.push(rect({ x: Math.min(x, plot.x + plot.w - wide), y, w: wide + 0.3, h: high }, inferno(Math.sqrt(value / most))));
    }
    if (at % Math.max(1, Math.ceil(11 / high)) === 0) {
      const name = Number.isFinite(bound) ? format(bound, unit, undefined) : "more";
      parts.push(text(plot.x - 5, y + high / 2 + 3, name, { size: 9, anchor: "end", fill: FAINT }));
    }
  });
  return parts.join("");
}

const INFERNO = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

function inferno(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (INFERNO.length - 1);
  const [from, to] = [INFERNO[Math.floor(place)] ?? [], INFERNO[Math.ceil(place)] ?? []];
  const mixed = from.map((value, at) => Math.round(value + ((to[at] ?? 0) - value) * (place % 1)));
  return `rgb(${mixed.join(",")})`;
}

function frame(plot: Box, least: number, most: number, name: (value: number) => string): string[] {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((share) => {
    const y = plot.y + plot.h * (1 - share);
    const line = `<line x1="${plot.x}" x2="${plot.x + plot.w}" y1="${y}" y2="${y}" stroke="${LINE}"/>`;
    return [line, text(plot.x - 5, y + 3, name(least + (most - least) * share), { size: 9, anchor: "end", fill: FAINT })];
  });
}

function times(plot: Box, view: View): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const seconds = Math.round((view.end - view.start) * (share - 1));
    const name = seconds === 0 ? "now" : `${Math.round(seconds / 6) / 10} min`;
    return text(plot.x + plot.w * share, plot.y + plot.h + 12, name, { size: 9, anchor: share === 1 ? "end" : share === 0 ? "start" : "middle", fill: FAINT });
  });
}

function legend(names: string[], colours: string[], box: Box): string {
  const room = (box.w - 20) / Math.max(1, names.length);
  const shown = names.length > 8 ? names.slice(0, 8) : names;
  const each = Math.min(300, Math.max(room, (box.w - 20) / 8));
  return shown
    .map((name, at) => {
      const x = box.x + 10 + at * each;
      const y = box.y + box.h - 8;
      return rect({ x, y: y - 5, w: 10, h: 3 }, colours[at] ?? "") + text(x + 13, y, fitted(name, each - 18, 10), { size: 10, fill: FAINT });
    })
    .join("");
}

function fixed(overrides: Override[], name: string): string | undefined {
  for (const { matcher, properties } of overrides) {
    const applies = matcher.id === "byName" ? matcher.options === name : new RegExp(matcher.options.slice(1, -1)).test(name);
    const colour = properties.find(({ id }) => id === "color")?.value as { fixedColor?: string } | undefined;
    if (applies && colour?.fixedColor !== undefined) return colour.fixedColor;
  }
  return undefined;
}
