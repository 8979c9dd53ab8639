// What all dashboards have in common: their names, the links between them, and where panels go.

import type { Dashboard, Draft, Panel, Variable } from "./model.js";

const COLUMNS = 24;
/** Of Grafana 10.0; newer ones migrate from it. */
const SCHEMA = 38;

export function dashboard(about: {
  uid: string;
  title: string;
  description: string;
  variables: Variable[];
  panels: Draft[];
}): Dashboard {
  const kinds = [...new Set(about.panels.map((panel) => panel.type))].filter((kind) => kind !== "row").sort();
  return {
    __inputs: [
      {
        name: "DS_PROMETHEUS",
        label: "Prometheus",
        description: "The Prometheus that scrapes the agents",
        type: "datasource",
        pluginId: "prometheus",
        pluginName: "Prometheus",
      },
    ],
    __requires: [
      { type: "grafana", id: "grafana", name: "Grafana", version: "10.0.0" },
      { type: "datasource", id: "prometheus", name: "Prometheus", version: "1.0.0" },
      ...kinds.map((kind) => ({ type: "panel", id: kind, name: kind, version: "" })),
    ],
    uid: about.uid,
    title: about.title,
    description: about.description,
    tags: ["whohungup"],
    schemaVersion: SCHEMA,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    links: [
      {
        type: "dashboards",
        title: "whohungup",
        tags: ["whohungup"],
        asDropdown: false,
        icon: "external link",
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        tooltip: "",
        url: "",
      },
    ],
    annotations: { list: [] },
    templating: { list: about.variables },
    panels: placed(about.panels),
  };
}

/** From left to right, and into the next line when one is full; all of a line are as high as its highest. */
function placed(drafts: Draft[]): Panel[] {
  const panels: Panel[] = [];
  let [x, y, lineHeight] = [0, 0, 0];
  for (const { width, height, ...draft } of drafts) {
    if (x + width > COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
    panels.push({ id: panels.length + 1, ...draft, gridPos: { x, y, w: width, h: height } });
    x += width;
    lineHeight = Math.max(lineHeight, height);
  }
  return panels;
}
