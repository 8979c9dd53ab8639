// The part of Grafana's dashboard model that is used here. What Grafana itself makes of the result is checked against
// its published types (check/schemas.test.ts).

export interface Query {
  expr: string;
  legend?: string;
  /** Asked once, for the end of the time range. */
  instant?: boolean;
  format?: "time_series" | "table" | "heatmap";
}

export interface Override {
  matcher: { id: "byName" | "byRegexp"; options: string };
  properties: { id: string; value: unknown }[];
}

export interface Step {
  color: string;
  value: number | null;
}

export interface FieldConfig {
  defaults: Record<string, unknown>;
  overrides: Override[];
}

export interface Target {
  refId: string;
  datasource: { type: "prometheus"; uid: string };
  editorMode: "code";
  expr: string;
  legendFormat?: string;
  format: string;
  instant: boolean;
  range: boolean;
}

export interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: GridPos;
  datasource?: { type: "prometheus"; uid: string };
  targets?: Target[];
  fieldConfig?: FieldConfig;
  options?: Record<string, unknown>;
  transformations?: { id: string; options: Record<string, unknown> }[];
  links?: { title: string; url: string }[];
  interval?: string;
  collapsed?: boolean;
  panels?: never[];
}

/** A panel that has not got its place yet. */
export type Draft = Omit<Panel, "id" | "gridPos"> & { width: number; height: number };

export interface Variable {
  name: string;
  type: "datasource" | "query";
  label: string;
  description?: string;
  [more: string]: unknown;
}

export interface Dashboard {
  __inputs: Record<string, string>[];
  __requires: Record<string, string>[];
  uid: string;
  title: string;
  description: string;
  tags: string[];
  schemaVersion: number;
  version: number;
  editable: boolean;
  graphTooltip: number;
  refresh: string;
  time: { from: string; to: string };
  timezone: string;
  links: Record<string, unknown>[];
  annotations: { list: never[] };
  templating: { list: Variable[] };
  panels: Panel[];
}
