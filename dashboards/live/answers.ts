// Asks a Prometheus what the panels of a dashboard would ask, with Grafana's variables filled in as Grafana does.

import { filledIn } from "../check/promql.js";
import { variableSources } from "../check/names.js";
import type { Dashboard, Panel, Target } from "../source/model.js";

export interface Series {
  labels: Record<string, string>;
  legend: string;
  /** Unix seconds and value. */
  points: [number, number][];
}

export interface Answer {
  panel: Panel;
  /** One list of series for each query. */
  series: Series[][];
}

export interface View {
  prometheus: string;
  /** Unix seconds. */
  start: number;
  end: number;
  /** What the dashboard's variables match; everything if they are not named. */
  variables: Record<string, string>;
}

const POINTS = 120;
/** What Grafana takes for $__rate_interval with its default of 15 s for a scrape interval. */
const RATE_INTERVAL_SECONDS = 60;

export async function answers(view: View, dashboard: Dashboard): Promise<Answer[]> {
  const panels = dashboard.panels.filter(({ type }) => type !== "row");
  return await Promise.all(
    panels.map(async (panel) => ({
      panel,
      series: await Promise.all((panel.targets ?? []).map((target) => ask(view, dashboard, target))),
    })),
  );
}

/** The values that each variable of a dashboard offers. */
export async function choices(view: View, dashboard: Dashboard): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const { name, series, label } of variableSources(dashboard)) {
    const match = filledIn(series, everything(view, dashboard));
    found[name] = (await get(view, `label/${label}/values`, { "match[]": match, start: view.start, end: view.end })) as string[];
  }
  return found;
}

function everything(view: View, dashboard: Dashboard): Record<string, string> {
  const any = dashboard.templating.list.map(({ name, allValue }) => [name, String(allValue ?? "")]);
  return { ...Object.fromEntries(any), ...view.variables };
}

async function ask(view: View, dashboard: Dashboard, target: Target): Promise<Series[]> {
  const query = filledIn(target.expr, {
    ...everything(view, dashboard),
    __range: `${Math.ceil(view.end - view.start)}s`,
    __rate_interval: `${RATE_INTERVAL_SECONDS}s`,
  });
  type Sample = [number, string];
  interface Result {
    result: { metric: Record<string, string>; value?: Sample; values?: Sample[] }[];
  }
  const step = Math.max(1, Math.round((view.end - view.start) / POINTS));
  const { result } = (await (target.instant
    ? get(view, "query", { query, time: view.end })
    : get(view, "query_range", { query, start: view.start, end: view.end, step }))) as Result;
  return result.map(({ metric, value, values }) => ({
    labels: metric,
    legend: legend(target, metric),
    points: (values ?? (value === undefined ? [] : [value])).map(([time, text]) => [time, Number(text)]),
  }));
}

function legend({ legendFormat, expr }: Target, labels: Record<string, string>): string {
  return (legendFormat ?? expr).replace(/{{\s*(\w+)\s*}}/g, (_, label: string) => labels[label] ?? "");
}

async function get(view: View, path: string, parameters: Record<string, string | number>): Promise<unknown> {
  const body = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
  const response = await fetch(`${view.prometheus}/api/v1/${path}?${body}`);
  const said = (await response.json()) as { status: string; error?: string; data: unknown };
  if (said.status !== "success") throw new Error(`${said.error}: ${parameters["query"] ?? path}`);
  return said.data;
}
