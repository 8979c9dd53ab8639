// SVG by hand, in the colours of Grafana's dark theme.

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const INK = "#CCCCDC";
export const FAINT = "#8E8E99";
export const LINE = "#2F3037";

/** Of Grafana's classic palette. */
export const PALETTE = ["#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0", "#37872D", "#FADE2A"];

const NAMED: Record<string, string> = { green: "#73BF69", red: "#F2495C", orange: "#FF9830", blue: "#5794F2" };

export function colourOf(name: unknown): string {
  return typeof name === "string" ? (NAMED[name] ?? name) : INK;
}

export function rect(box: Box, fill: string, more = ""): string {
  return `<rect x="${n(box.x)}" y="${n(box.y)}" width="${n(Math.max(0, box.w))}" height="${n(Math.max(0, box.h))}" fill="${fill}" ${more}/>`;
}

export function text(x: number, y: number, what: string, style: { size?: number; fill?: string; anchor?: string; weight?: string } = {}): string {
  const { size = 11, fill = INK, anchor = "start", weight = "normal" } = style;
  return `<text x="${n(x)}" y="${n(y)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}">${escaped(what)}</text>`;
}

/** Cut to about this many pixels. */
export function fitted(what: string, pixels: number, size = 11): string {
  const most = Math.floor(pixels / (size * 0.56));
  return what.length <= most ? what : `${what.slice(0, Math.max(1, most - 1))}…`;
}

export function path(points: [number, number][], stroke: string, width: number): string {
  return `<polyline points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(" ")}" fill="none" stroke="${stroke}" stroke-width="${width}"/>`;
}

export function area(points: [number, number][], fill: string): string {
  return `<polygon points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(" ")}" fill="${fill}" fill-opacity="0.75"/>`;
}

export const n = (value: number) => Number(value.toFixed(1));

function escaped(what: string): string {
  return what.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
