// Whether two workloads of one program at one port of one node are two rows, and whether the link of each row leads to
// that endpoint alone.

import { ALL } from "../source/all.js";
import { ENDPOINT, ENDPOINT_LINK } from "../source/labels.js";
import { answers, type View } from "./answers.js";
import { merged, type Row } from "./merged.js";

/** Of a service that loses requests to idle closes, and of one at the same port that hangs up in mid request. */
export interface Shared {
  port: number;
  losing: string;
  rude: string;
}

const LOST = "Value #A";
const HANGUPS = "Value #B";
const HEADROOM = "Value #D";

/** What is wrong; nothing if all is well. `node` is the agent that sees everything. */
export async function mixed(view: View, node: string, { port, losing, rude }: Shared): Promise<string[]> {
  const trouble = await rowsOf(view, "overview", "Which endpoints are in trouble?");
  const servers = trouble.filter((row) => row["instance"] === node && row["server_port"] === String(port) && row["role"] === "server");
  const [first, second, ...more] = [losing, rude].flatMap((name) => servers.filter((row) => row["k8s_workload_name"] === name));
  if (first === undefined || second === undefined || more.length > 0 || servers.length !== 2) {
    return [`${losing} and ${rude} are not two rows of port ${port}: ${JSON.stringify(servers)}`];
  }
  const found: string[] = [];
  if (!(Number(first[LOST]) > 0 && Number(first[HEADROOM]) < 1)) found.push(`${losing} loses no requests: ${JSON.stringify(first)}`);
  if (second[HEADROOM] !== undefined) found.push(`${rude} has the headroom of ${losing}: ${JSON.stringify(second)}`);
  if (!(Number(second[HANGUPS]) > 0) || Number(first[HANGUPS] ?? 0) >= Number(second[HANGUPS])) {
    found.push(`${rude} does not hang up more than ${losing}: ${JSON.stringify([first, second])}`);
  }
  for (const row of trouble) {
    const there = await rowsOf({ ...view, variables: drilledDown(row) }, "endpoint", "Whose endpoints are these?");
    const same = there.filter((one) => ENDPOINT.every(({ label }) => one[label] === row[label]));
    if (there.length !== 1 || same.length !== 1) found.push(`the link of ${name(row)} leads to ${there.map(name).join("; ") || "nothing"}`);
  }
  return found;
}

/** The variables that a row's link sets, as Grafana puts them into a matcher. */
export function drilledDown(row: Row): Record<string, string> {
  const filled = ENDPOINT_LINK.replace(/\${__data\.fields\["(\w+)"\]:percentencode}/g, (_, label: string) => encodeURIComponent(row[label] ?? ""));
  const set = [...new URLSearchParams(filled.slice(filled.indexOf("?") + 1))].filter(([key]) => key.startsWith("var-"));
  const variables = set.map(([key, value]) => [key.slice("var-".length), value.replace(/[$()*+.?[\\\]^{|}]/g, "\\\\$&")]);
  return Object.fromEntries(variables) as Record<string, string>;
}

async function rowsOf(view: View, dashboard: string, title: string): Promise<Row[]> {
  const whole = ALL[dashboard];
  const panel = whole?.panels.find((one) => one.title === title);
  if (whole === undefined || panel === undefined) throw new Error(`${dashboard} has no panel ${title}`);
  const [answer] = await answers(view, { ...whole, panels: [panel] });
  return answer === undefined ? [] : merged(answer);
}

function name(row: Row): string {
  return ENDPOINT.map(({ label }) => row[label] ?? "").join("|");
}
