// The variables of the dashboards, in the order in which each narrows the next.

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

function query(name: string, label: string, description: string, expr: string, multi = true): Variable {
  const everything = { text: ["All"], value: ["$__all"] };
  return {
    name,
    type: "query",
    label,
    description,
    datasource: DATASOURCE,
    query: { query: expr, refId: "PrometheusVariableQueryEditor-VariableQuery", qryType: 1 },
    refresh: 2,
    sort: name === "port" ? 3 : 1,
    multi,
    includeAll: multi,
    ...(multi ? { allValue: ".*" } : {}),
    current: multi ? everything : {},
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

const job = query("job", "Job", "The scrape job of the agents", "label_values(whohungup_build_info, job)");
const instance = query("instance", "Node", "The agents, one on each node", 'label_values(whohungup_build_info{job=~"$job"}, instance)');
const role = query(
  "role",
  "Role",
  "Which end of its connections an endpoint is. A connection between two nodes that are both watched is counted at each end: choose one role to count it once",
  'label_values(whohungup_closes_total{job=~"$job", instance=~"$instance"}, role)',
);
const port = query(
  "port",
  "Server port",
  "The server's port, at both ends",
  'label_values(whohungup_closes_total{job=~"$job", instance=~"$instance", role=~"$role"}, server_port)',
);
const processName = query(
  "process",
  "Process",
  "The process at this end",
  'label_values(whohungup_closes_total{job=~"$job", instance=~"$instance", role=~"$role", server_port=~"$port"}, process)',
);

/** Those of a dashboard on agents. */
export const AGENTS: Variable[] = [datasource, job, instance];
/** Those of a dashboard on all endpoints. */
export const ENDPOINTS: Variable[] = [...AGENTS, role];
/** Those of a dashboard on one endpoint, or some. */
export const ENDPOINT: Variable[] = [...ENDPOINTS, port, processName];

/** What a selector says for each of these sets, and more matchers. */
export const ofAgents = selector('job=~"$job", instance=~"$instance"');
export const ofEndpoints = selector('job=~"$job", instance=~"$instance", role=~"$role"');
export const ofEndpoint = selector(
  'job=~"$job", instance=~"$instance", role=~"$role", server_port=~"$port", process=~"$process"',
);

function selector(matchers: string) {
  return (metric: string, more = "") => `${metric}{${matchers}${more === "" ? "" : `, ${more}`}}`;
}
