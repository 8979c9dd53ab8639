// Numbers, tables, gauges and states.

import type { Answer, View } from "../live/answers.js";
import { merged, type Row } from "../live/merged.js";
import type { Override, Panel, Step } from "../source/model.js";
import { type Box, colourOf, FAINT, fitted, LINE, rect, text } from "./svg.js";
import { format } from "./values.js";

interface Mapping {
  options: Record<string, { text: string }>;
}

export function stat({ panel, series }: Answer, box: Box): string {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const mode = panel.options?.["textMode"];
  const all = series.flat();
  if (all.length === 0) return centred(String(defaults["noValue"] ?? "No data"), box, FAINT);
  const each = box.w / all.length;
  return all
    .map(({ legend, points }, at) => {
      const value = points.at(-1)?.[1] ?? NaN;
      const place = { ...box, x: box.x + at * each, w: each };
      const named = mode === "name" ? legend : shown(panel, value);
      const colour = overridden(panel.fieldConfig?.overrides ?? [], legend) ?? step(panel, value);
      const below = mode === "value_and_name" || (all.length > 1 && mode !== "name");
      return (
        centred(named, { ...place, h: place.h - (below ? 16 : 0) }, colour) +
        (below ? text(place.x + each / 2, box.y + box.h - 10, fitted(legend, each), { anchor: "middle", fill: FAINT }) : "")
      );
    })
    .join("");
}

function centred(what: string, box: Box, fill: string): string {
  const size = Math.min(30, Math.max(11, box.w / (what.length * 0.62)));
  return text(box.x + box.w / 2, box.y + box.h / 2 + size / 3, what, { size, anchor: "middle", fill, weight: "bold" });
}

function shown(panel: Panel, value: number): string {
  const defaults = panel.fieldConfig?.defaults ?? {};
  for (const { options } of (defaults["mappings"] ?? []) as Mapping[]) {
    const mapped = options[String(value)];
    if (mapped !== undefined) return mapped.text;
  }
  return format(value, defaults["unit"], defaults["decimals"]);
}

function step(panel: Panel, value: number): string {
  const { steps } = panel.fieldConfig?.defaults["thresholds"] as { steps: Step[] };
  return colourOf(steps.filter((one) => one.value === null || value >= one.value).at(-1)?.color);
}

function overridden(overrides: Override[], name: string): string | undefined {
  const found = overrides.find(({ matcher }) => matcher.options === name)?.properties.find(({ id }) => id === "color");
  return (found?.value as { fixedColor?: string } | undefined)?.fixedColor;
}

export function gauges({ panel, series }: Answer, box: Box): string {
  const all = series.flat();
  const high = Math.min(34, box.h / Math.max(1, all.length));
  return all
    .map(({ legend, points }, at) => {
      const value = points.at(-1)?.[1] ?? NaN;
      const bar = { x: box.x + 130, y: box.y + at * high + 4, w: box.w - 200, h: high - 10 };
      return (
        text(bar.x - 6, bar.y + bar.h / 2 + 4, legend, { anchor: "end" }) +
        rect(bar, LINE) +
        rect({ ...bar, w: bar.w * Math.min(1, value) }, step(panel, value)) +
        text(bar.x + bar.w + 6, bar.y + bar.h / 2 + 4, shown(panel, value), { fill: step(panel, value) })
      );
    })
    .join("");
}

export function states({ panel, series }: Answer, box: Box, view: View): string {
  const all = series.flat();
  const high = (box.h - 16) / Math.max(1, all.length);
  return all
    .map(({ legend, points }, at) => {
      const lane = { x: box.x + 130, y: box.y + at * high + 1, w: box.w - 140, h: high - 2 };
      const wide = lane.w / Math.max(1, points.length);
      const cells = points.map(([time, value]) => {
        const x = lane.x + ((time - view.start) / (view.end - view.start)) * (lane.w - wide);
        return rect({ ...lane, x, w: wide + 0.3 }, step(panel, value), 'fill-opacity="0.8"');
      });
      return text(lane.x - 6, lane.y + lane.h / 2 + 4, legend, { anchor: "end", size: 10 }) + cells.join("");
    })
    .join("");
}

/** What Grafana's transformations "merge" and "organize" make of the answers: columns that nothing has are left out. */
export function table(answer: Answer, box: Box): string {
  const { panel } = answer;
  const columns = panel.transformations?.find(({ id }) => id === "organize")?.options["renameByName"] as Record<string, string>;
  const rows = merged(answer);
  if (rows.length === 0) return centred(String(panel.fieldConfig?.defaults["noValue"] ?? "No data"), box, FAINT);
  const shownColumns = Object.entries(columns).filter(([column]) => rows.some((row) => column in row));
  const each = box.w / shownColumns.length;
  const cell = (at: number) => box.x + 8 + at * each;
  const parts = shownColumns.map(([, name], at) => text(cell(at), box.y + 12, fitted(name, (each - 8) / 1.15), { fill: "#6E9FFF", weight: "bold" }));
  const sortBy = (panel.options?.["sortBy"] as { displayName: string }[] | undefined)?.[0]?.displayName;
  const sortColumn = shownColumns.find(([, name]) => name === sortBy)?.[0] ?? "";
  const rank = (row: Row) => Number(row[sortColumn] ?? -1);
  rows.sort((a, b) => rank(b) - rank(a));
  rows.slice(0, Math.floor((box.h - 20) / 20)).forEach((row, line) => {
    const y = box.y + 32 + line * 20;
    shownColumns.forEach(([column, name], at) => {
      const value = row[column] ?? "";
      const own = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties ?? [];
      const unit = own.find(({ id }) => id === "unit")?.value ?? panel.fieldConfig?.defaults["unit"];
      const decimals = own.find(({ id }) => id === "decimals")?.value ?? panel.fieldConfig?.defaults["decimals"];
      const what = typeof value === "string" ? value : format(value, unit, decimals);
      parts.push(text(cell(at), y, fitted(what, each - 8)));
    });
    parts.push(rect({ x: box.x, y: y + 5, w: box.w, h: 0.6 }, LINE));
  });
  return parts.join("");
}
