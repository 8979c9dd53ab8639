// A picture of a dashboard: what its queries say, laid out as its grid is. Not Grafana's own drawing, but near enough to
// see whether a panel says what it should.

import { writeFile } from "node:fs/promises";
import { Resvg } from "@resvg/resvg-js";

import { type Answer, answers, type View } from "../live/answers.js";
import type { Dashboard, GridPos } from "../source/model.js";
import { heatmap, timeseries } from "./charts.js";
import { type Box, FAINT, fitted, rect, text } from "./svg.js";
import { gauges, stat, states, table } from "./words.js";

const COLUMN = 54;
const ROW = 27;
const TOP = 42;
const TITLE = 26;

type Drawing = (answer: Answer, box: Box, view: View) => string;
const DRAWINGS: Record<string, Drawing> = { bargauge: gauges, heatmap, stat, "state-timeline": states, table, timeseries };

export async function draw(view: View, dashboard: Dashboard, file: string): Promise<void> {
  const found = await answers(view, dashboard);
  const height = TOP + ROW * Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const width = COLUMN * 24;
  const parts = [rect({ x: 0, y: 0, w: width, h: height }, "#111217"), text(12, 27, dashboard.title, { size: 18, weight: "bold" })];
  const chosen = Object.entries(view.variables).map(([name, value]) => `${name}=${value.replaceAll("\\", "")}`);
  parts.push(text(width - 12, 27, `preview, drawn without Grafana   ${chosen.join("  ")}`, { anchor: "end", fill: FAINT }));
  for (const panel of dashboard.panels) {
    const outer = place(panel.gridPos);
    if (panel.type === "row") {
      parts.push(text(outer.x + 8, outer.y + 18, panel.title, { size: 14, weight: "bold" }));
      continue;
    }
    const answer = found.find((one) => one.panel === panel);
    const drawing = DRAWINGS[panel.type];
    if (answer === undefined || drawing === undefined) throw new Error(`no drawing for ${panel.title}`);
    parts.push(rect(outer, "#181B1F", 'stroke="#2F3037"'));
    parts.push(text(outer.x + 8, outer.y + 17, fitted(panel.title, outer.w - 12, 12), { size: 12, weight: "bold" }));
    parts.push(drawing(answer, { x: outer.x + 4, y: outer.y + TITLE, w: outer.w - 8, h: outer.h - TITLE - 4 }, view));
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans">${parts.join("")}</svg>`;
  await writeFile(file, new Resvg(svg, { font: { defaultFontFamily: "DejaVu Sans" } }).render().asPng());
}

function place({ x, y, w, h }: GridPos): Box {
  return { x: x * COLUMN + 3, y: TOP + y * ROW + 3, w: w * COLUMN - 6, h: h * ROW - 6 };
}
