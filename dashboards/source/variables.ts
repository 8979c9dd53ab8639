// The variables of the dashboards, in the order in which each narrows the next.

import { CLUSTER, JOB, NODE, PORT, PROCESS, ROLE, type Selectable, WORKLOAD } from "./labels.js";
import type { Variable } from "./model.js";

export const DATASOURCE = { type: "prometheus", uid: "${datasource}" } as const;

const datasource: Variable = {
  name: "datasource",
  type: "datasource",
  label: "Prometheus",
  query: "prometheus",
  refresh: 1,
  multi: false,
  includeAll: false,
  // What the import asks for. Where dashboards are provisioned nothing fills it in, and Grafana takes its default.
  current: { text: "${DS_PROMETHEUS}", value: "${DS_PROMETHEUS}" },
  options: [],
  hide: 0,
  skipUrlSync: false,
};

/** All is `.*`, which matches series without the label too: a host without Kubernetes, a Prometheus of one cluster. */
function query({ variable, title, description, label }: Selectable, series: string): Variable {
  return {
    name: variable,
    type: "query",
    label: title,
    description,
    datasource: DATASOURCE,
    query: { query: `label_values(${series}, ${label})`, refId: "PrometheusVariableQueryEditor-VariableQuery", qryType: 1 },
    refresh: 2,
    sort: variable === "port" ? 3 : 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: ["All"], value: ["$__all"] },
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

const OF_AGENTS = [CLUSTER, JOB, NODE];
/** Which are rare, or one of many: a dashboard on all endpoints does without. */
const RARE = ["pod", "netns", "cgroup"];
const OF_ENDPOINTS = [...OF_AGENTS, ...WORKLOAD.filter(({ variable }) => !RARE.includes(variable)), ROLE];
const OF_ENDPOINT = [...OF_AGENTS, ...WORKLOAD, ROLE, PORT, PROCESS];

function variables(selectables: Selectable[]): Variable[] {
  const queries = selectables.map((selectable, at) => {
    const metric = OF_AGENTS.includes(selectable) ? "whohungup_build_info" : "whohungup_closes_total";
    const before = matchers(selectables.slice(0, at));
    return query(selectable, before === "" ? metric : `${metric}{${before}}`);
  });
  return [datasource, ...queries];
}

function matchers(selectables: Selectable[]): string {
  return selectables.map(({ label, variable }) => `${label}=~"$${variable}"`).join(", ");
}

/** Those of a dashboard on agents. */
export const AGENTS = variables(OF_AGENTS);
/** Those of a dashboard on all endpoints. */
export const ENDPOINTS = variables(OF_ENDPOINTS);
/** Those of a dashboard on one endpoint, or some. */
export const ENDPOINT = variables(OF_ENDPOINT);

/** What a selector says for each of these sets, and more matchers. */
export const ofAgents = selector(OF_AGENTS);
export const ofEndpoints = selector(OF_ENDPOINTS);
export const ofEndpoint = selector(OF_ENDPOINT);

function selector(selectables: Selectable[]) {
  return (metric: string, more = "") => `${metric}{${matchers(selectables)}${more === "" ? "" : `, ${more}`}}`;
}
