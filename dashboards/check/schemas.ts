// Asks the types that Grafana publishes of its dashboards (@grafana/schema) whether a dashboard is one, by compiling it
// as a literal: a member that they do not know, a wrong type and a word outside a closed set are errors.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

import type { Dashboard, Panel } from "../source/model.js";

const HERE = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The packages of the oldest and the newest Grafana, and where their types begin. */
export const GRAFANAS = {
  "Grafana 10.0": { root: "grafana-schema-10", index: "dist/esm/index.d.ts" },
  "Grafana 13.2": { root: "@grafana/schema", index: "dist/types/index.d.ts" },
} as const;

const PLUGINS: Record<string, { folder: string; file: string; fields: boolean }> = {
  bargauge: { folder: "bargauge", file: "BarGaugePanelCfg_types.gen", fields: false },
  heatmap: { folder: "heatmap", file: "HeatmapPanelCfg_types.gen", fields: true },
  stat: { folder: "stat", file: "StatPanelCfg_types.gen", fields: false },
  "state-timeline": { folder: "statetimeline", file: "StateTimelinePanelCfg_types.gen", fields: true },
  table: { folder: "table", file: "TablePanelCfg_types.gen", fields: false },
  timeseries: { folder: "timeseries", file: "TimeSeriesPanelCfg_types.gen", fields: true },
};

/**
 * JSON knows no enums, and Grafana fills in what is left out. The query of Prometheus is no longer in the newer package.
 */
const PRELUDE = `
import type * as grafana from "@grafana/schema";
type Written<T> =
  unknown extends T ? unknown
  : T extends string ? (string extends T ? string : \`\${T}\`)
  : T extends number | boolean | null | undefined ? T
  : T extends readonly (infer Item)[] ? Written<Item>[]
  : T extends object ? { [Member in keyof T]?: Written<T[Member]> }
  : T;
import type { PrometheusDataQuery } from "grafana-schema-10/dist/esm/raw/composable/prometheus/dataquery/x/PrometheusDataQuery_types.gen";
// Of variables, the types of 10.0 leave out most of what its editor writes.
type Variable = Written<grafana.VariableModel> & { sort?: number; includeAll?: boolean; allValue?: string; multi?: boolean };
type Rest = Written<Omit<grafana.Dashboard, "panels" | "templating">> & { templating: { list: Variable[] } };
type InputsOfAnImport = { __inputs?: object[]; __requires?: object[] };
`;

/** What the types of a Grafana have against a dashboard; nothing if it is one. */
export async function complaints(grafana: keyof typeof GRAFANAS, dashboard: Dashboard): Promise<string[]> {
  // Within the folder of node_modules, so that the packages are found.
  const folder = await mkdtemp(join(HERE, "build", "schemas-"));
  try {
    const file = join(folder, "dashboard.ts");
    await writeFile(file, PRELUDE + literals(dashboard));
    const { root, index } = GRAFANAS[grafana];
    const types = join(HERE, "node_modules", root);
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      // The deep types import the package by its name: of the older one, too, it must be the older one.
      paths: { "@grafana/schema": [join(types, index)], "@grafana/schema/*": [join(types, "*")] },
    });
    return ts
      .getPreEmitDiagnostics(program)
      .map((complaint) => ts.flattenDiagnosticMessageText(complaint.messageText, "\n") + excerpt(complaint));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function excerpt({ file, start }: ts.Diagnostic): string {
  return file === undefined || start === undefined ? "" : ` at ${file.text.slice(start, start + 80).split("\n")[0]}`;
}

function literals(dashboard: Dashboard): string {
  const { panels, ...rest } = dashboard;
  const parts = [`const dashboard: Rest & InputsOfAnImport = ${JSON.stringify(rest)};`];
  for (const panel of panels) parts.push(...panelLiterals(panel));
  return parts.join("\n");
}

function panelLiterals(panel: Panel): string[] {
  const { id, type } = panel;
  if (type === "row") return [`const row${id}: Written<grafana.RowPanel> = ${JSON.stringify(panel)};`];
  const plugin = PLUGINS[type];
  if (plugin === undefined) throw new Error(`no types are known for panels of type ${type}`);
  const module = `import("@grafana/schema/dist/esm/raw/composable/${plugin.folder}/panelcfg/x/${plugin.file}")`;
  const { custom, ...defaults } = panel.fieldConfig?.defaults ?? {};
  const { options, targets, ...rest } = { ...panel, fieldConfig: { ...panel.fieldConfig, defaults } };
  // A table's fields have their types with those that all panels share.
  const fields = plugin.fields ? `${module}.FieldConfig` : type === "table" ? "grafana.TableFieldOptions" : "Record<string, never>";
  return [
    // JSON has no infinity: Grafana writes null for where the first step begins, and reads it as that.
    `const panel${id}: Written<grafana.Panel> = ${JSON.stringify(rest).replaceAll('"value":null', '"value":-Infinity')};`,
    `const options${id}: Written<${module}.Options> = ${JSON.stringify(options)};`,
    `const targets${id}: Written<PrometheusDataQuery>[] = ${JSON.stringify(targets)};`,
    `const custom${id}: Written<${fields}> = ${JSON.stringify(custom ?? {})};`,
  ];
}
