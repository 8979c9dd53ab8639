// Whether every panel shows something.

import type { Dashboard } from "../source/model.js";
import { type Answer, answers, choices, type View } from "./answers.js";

/** Panels that show 0 while all is well, and of which the recording has no incident: the agent's own errors. */
const ZERO_IS_WELL = ["Do the counts add up?"];

/** Of these labels the recording has no endpoint: nothing is in a network namespace, and pods have no label by default. */
const NOT_PLAYED = ["pod", "netns"];

/** What is missing from a dashboard over this view: nothing if every query is answered and every panel has a value. */
export async function gaps(view: View, dashboard: Dashboard): Promise<string[]> {
  const missing: string[] = [];
  for (const [variable, values] of Object.entries(await choices(view, dashboard))) {
    if (values.length === 0 && !NOT_PLAYED.includes(variable)) missing.push(`variable ${variable} offers nothing`);
  }
  for (const answer of await answers(view, dashboard)) missing.push(...gapsOf(answer));
  return missing;
}

export function gapsOf({ panel, series }: Answer): string[] {
  const missing: string[] = [];
  series.forEach((found, at) => {
    const numbers = found.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
    if (numbers.length === 0) missing.push(`${panel.title}: no data for ${panel.targets?.[at]?.expr}`);
  });
  const something = series.flat().some(({ points }) => points.some(([, value]) => Number.isFinite(value) && value !== 0));
  if (!something && !ZERO_IS_WELL.includes(panel.title)) missing.push(`${panel.title}: nothing but 0`);
  return missing;
}
