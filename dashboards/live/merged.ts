// The rows of a table, as Grafana's transformation "merge" makes them of several queries' answers: rows become one if
// they agree in all columns that both have.

import type { Answer } from "./answers.js";

/** By column: labels are text, values numbers. */
export type Row = Record<string, string | number>;

export function merged({ panel, series }: Answer): Row[] {
  const frames = series.map((found, at) => {
    const value = series.length === 1 ? "Value" : `Value #${panel.targets?.[at]?.refId}`;
    const rows = found.map(({ labels, points }): Row => ({ ...labels, [value]: points.at(-1)?.[1] ?? NaN }));
    return { columns: new Set(rows.flatMap((row) => Object.keys(row))), rows };
  });
  const filled = frames.filter(({ rows }) => rows.length > 0);
  const shared = [...(filled[0]?.columns ?? [])].filter((column) => filled.every(({ columns }) => columns.has(column)));
  const byKey = new Map<string, Row[]>();
  for (const row of filled.flatMap(({ rows }) => rows)) {
    const key = JSON.stringify(shared.map((column) => row[column]));
    const same = byKey.get(key) ?? [];
    const fits = same.filter((other) => agree(other, row));
    for (const other of fits) Object.assign(other, row);
    if (fits.length === 0) same.push({ ...row });
    byKey.set(key, same);
  }
  return [...byKey.values()].flat();
}

function agree(one: Row, other: Row): boolean {
  return Object.keys(one).every((column) => other[column] === undefined || other[column] === one[column]);
}
