// Panels as the dashboards use them: one function for each kind, with what all of that kind have in common.

import type { Draft, Override, Query, Step, Target } from "./model.js";
import { DATASOURCE } from "./variables.js";

interface Common {
  title: string;
  description: string;
  queries: Query[];
  width: number;
  height?: number;
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  /** What a panel says that has no data. */
  none?: string;
  overrides?: Override[];
}

const GREY = "#8E8E8E";
const RED = "#E02F44";
const ORANGE = "#FF9830";
const YELLOW = "#FADE2A";
const GREEN = "#73BF69";
const BLUE = "#5794F2";
const PURPLE = "#B877D9";

/** Each word has one colour in all panels; red is for what users lose. */
const COLOURS: Record<string, string> = {
  "idle-race": RED,
  "premature-hangup": ORANGE,
  network: PURPLE,
  "connect-failed": "#705DA0",
  "host-abort": YELLOW,
  "client-idle": BLUE,
  "server-idle": "#8AB8FF",
  completed: GREEN,
  "tunnel-end": "#96D98D",
  unknown: GREY,
  client: BLUE,
  server: GREEN,
  both: YELLOW,
  host: ORANGE,
  losing: RED,
  mismatch: ORANGE,
  tie: YELLOW,
  safe: GREEN,
};

/** Colours of the words that are series' names. */
export function coloured(...words: string[]): Override[] {
  return words.map((word) => ({
    matcher: { id: "byName", options: word },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor: colour(word) } }],
  }));
}

function colour(word: string): string {
  const known = COLOURS[word];
  if (known === undefined) throw new Error(`no colour for ${word}`);
  return known;
}

/** From green on: `bad(1)` is red from 1. */
export const bad = (from: number): Step[] => [
  { color: "green", value: null },
  { color: "red", value: from },
];

export const warn = (from: number): Step[] => [
  { color: "green", value: null },
  { color: "orange", value: from },
];

export const worse = (warn: number, alarm: number): Step[] => [
  { color: "green", value: null },
  { color: "orange", value: warn },
  { color: "red", value: alarm },
];

/** The less the worse. */
export const scarce = (alarm: number, warn: number): Step[] => [
  { color: "red", value: null },
  { color: "orange", value: alarm },
  { color: "green", value: warn },
];

export const plain: Step[] = [{ color: "blue", value: null }];

/** Numbers at a glance. */
export function stat(
  panel: Common & { steps: Step[]; mappings?: Record<string, unknown>[]; show?: "value" | "name" | "value_and_name" },
): Draft {
  return draft("stat", panel, 4, {
    defaults: {
      color: { mode: "thresholds" },
      thresholds: { mode: "absolute", steps: panel.steps },
      mappings: panel.mappings ?? [],
    },
    options: {
      reduceOptions: { values: false, calcs: ["lastNotNull"], fields: "" },
      orientation: "auto",
      textMode: panel.show ?? "value",
      colorMode: "value",
      graphMode: "none",
      justifyMode: "auto",
    },
  });
}

/** The ten ways in which a connection ends, those first that cost users something. */
const VERDICTS = [
  "idle-race",
  "premature-hangup",
  "network",
  "connect-failed",
  "host-abort",
  "client-idle",
  "server-idle",
  "completed",
  "tunnel-end",
  "unknown",
];

/** Closes a second by verdict; `closes` is their rate. */
export function verdicts({ title, description, closes }: { title: string; description: string; closes: string }): Draft {
  return timeseries({
    title,
    description,
    queries: [{ expr: `sum by (verdict) (${closes})`, legend: "{{verdict}}" }],
    width: 12,
    unit: "ops",
    min: 0,
    stacked: true,
    overrides: coloured(...VERDICTS),
  });
}

/** Lines over time, or areas on top of each other. */
export function timeseries(
  panel: Common & { stacked?: boolean; steps?: Step[]; legend?: "bottom" | "right"; softMax?: number },
): Draft {
  const filled = panel.stacked === true;
  const custom = {
    drawStyle: "line",
    lineInterpolation: "linear",
    lineWidth: 1,
    fillOpacity: filled ? 60 : 0,
    showPoints: "never",
    spanNulls: false,
    stacking: { mode: filled ? "normal" : "none", group: "A" },
    thresholdsStyle: { mode: panel.steps === undefined ? "off" : "dashed" },
    ...(panel.softMax === undefined ? {} : { axisSoftMax: panel.softMax }),
  };
  return draft("timeseries", panel, 8, {
    defaults: {
      color: { mode: "palette-classic" },
      custom,
      ...(panel.steps === undefined ? {} : { thresholds: { mode: "absolute", steps: panel.steps } }),
    },
    options: {
      legend: { showLegend: true, displayMode: "list", placement: panel.legend ?? "bottom", calcs: [] },
      tooltip: { mode: "multi", sort: "desc" },
    },
  });
}

/** The buckets of a histogram over time, each a row of its own, so that a narrow one is as high as a wide one. */
export function heatmap(panel: Common & { rows: string }): Draft {
  return draft("heatmap", panel, 12, {
    defaults: { custom: { hideFrom: { tooltip: false, viz: false, legend: false }, scaleDistribution: { type: "linear" } } },
    options: {
      calculate: false,
      // The square root keeps what is rare in sight beside a timeout that closes hundreds.
      color: { mode: "scheme", scheme: "Inferno", fill: "dark-orange", scale: "exponential", exponent: 0.5, steps: 64, reverse: false },
      cellGap: 0,
      cellValues: { unit: "short", decimals: 2 },
      filterValues: { le: 1e-9 },
      rowsFrame: { layout: "auto", value: panel.rows },
      yAxis: { axisPlacement: "left", reverse: false, unit: panel.unit ?? "s" },
      legend: { show: true },
      tooltip: { yHistogram: false },
      exemplars: { color: "rgba(255,0,255,0.7)" },
      showValue: "never",
    },
  });
}

/** Rows of labels and values; every query adds a column. */
export function table(panel: Common & { columns: Record<string, string>; hidden: string[]; sortBy?: string }): Draft {
  const sort = panel.sortBy === undefined ? {} : { sortBy: [{ displayName: panel.sortBy, desc: true }] };
  const made = draft("table", panel, 9, {
    defaults: { custom: { align: "auto", minWidth: 80, cellOptions: { type: "auto" }, inspect: false, filterable: true } },
    options: { showHeader: true, cellHeight: "sm", ...sort },
  });
  const excluded = Object.fromEntries(["Time", ...panel.hidden].map((name) => [name, true]));
  const order = Object.fromEntries(Object.keys(panel.columns).map((name, at) => [name, at]));
  return {
    ...made,
    transformations: [
      { id: "merge", options: {} },
      { id: "organize", options: { excludeByName: excluded, indexByName: order, renameByName: panel.columns } },
    ],
  };
}

/** How full things are. */
export function gauges(panel: Common & { steps: Step[] }): Draft {
  return draft("bargauge", panel, 8, {
    defaults: { color: { mode: "thresholds" }, thresholds: { mode: "absolute", steps: panel.steps } },
    options: {
      reduceOptions: { values: false, calcs: ["lastNotNull"], fields: "" },
      orientation: "horizontal",
      displayMode: "basic",
      valueMode: "color",
      showUnfilled: true,
      minVizWidth: 8,
      minVizHeight: 16,
    },
  });
}

/** States, one line each. */
export function states(panel: Common & { mappings: Record<string, unknown>[] }): Draft {
  return draft("state-timeline", panel, 8, {
    defaults: {
      color: { mode: "thresholds" },
      thresholds: { mode: "absolute", steps: bad(1) },
      mappings: panel.mappings,
      custom: { lineWidth: 0, fillOpacity: 80 },
    },
    options: {
      mergeValues: true,
      showValue: "never",
      alignValue: "left",
      rowHeight: 0.9,
      legend: { showLegend: false, displayMode: "list", placement: "bottom", calcs: [] },
      tooltip: { mode: "single", sort: "none" },
    },
  });
}

export function row(title: string): Draft {
  return { type: "row", title, width: 24, height: 1, collapsed: false, panels: [] };
}

function draft(
  type: string,
  panel: Common,
  height: number,
  kind: { defaults: Record<string, unknown>; options: Record<string, unknown> },
): Draft {
  const defaults: Record<string, unknown> = { ...kind.defaults };
  if (panel.unit !== undefined) defaults["unit"] = panel.unit;
  if (panel.decimals !== undefined) defaults["decimals"] = panel.decimals;
  if (panel.min !== undefined) defaults["min"] = panel.min;
  if (panel.max !== undefined) defaults["max"] = panel.max;
  if (panel.none !== undefined) defaults["noValue"] = panel.none;
  return {
    type,
    title: panel.title,
    description: panel.description,
    datasource: DATASOURCE,
    targets: panel.queries.map(target),
    fieldConfig: { defaults, overrides: panel.overrides ?? [] },
    options: kind.options,
    width: panel.width,
    height: panel.height ?? height,
  };
}

function target(query: Query, at: number): Target {
  const instant = query.instant === true;
  return {
    refId: String.fromCharCode("A".charCodeAt(0) + at),
    datasource: DATASOURCE,
    editorMode: "code",
    expr: query.expr,
    ...(query.legend === undefined ? {} : { legendFormat: query.legend }),
    format: query.format ?? "time_series",
    instant,
    range: !instant,
  };
}
