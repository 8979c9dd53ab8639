// The labels by which endpoints differ, and the variables of the dashboards that select by them.

export interface Selectable {
  /** The label of a series. */
  label: string;
  /** The variable of a dashboard. */
  variable: string;
  /** What people read: above a variable, and in lower case above a column. */
  title: string;
  description: string;
}

const of = (label: string, variable: string, title: string, description: string): Selectable => ({ label, variable, title, description });

/** Not of the agent: what Prometheus says of a target, or adds to all series on their way to a common store. */
export const CLUSTER = of("cluster", "cluster", "Cluster", "A label of your own for series of several clusters in one store; without it there is only All");
export const JOB = of("job", "job", "Job", "The scrape job of the agents");
export const NODE = of("instance", "instance", "Node", "The agents, one on each node");

/** Whose an endpoint is (docs/metrics.md). Each series has only those that its workload has. */
export const WORKLOAD: Selectable[] = [
  of("k8s_namespace_name", "namespace", "Namespace", "The pod's namespace, in Kubernetes"),
  of("k8s_workload_name", "workload", "Workload", "What made the pod: a Deployment, a StatefulSet, a DaemonSet, a Job"),
  of("k8s_pod_name", "pod", "Pod", "The pod, where --metrics-labels has k8s_pod_name; elsewhere there is only All"),
  of("k8s_container_name", "container", "Container", "The container in the pod"),
  of("container_name", "standalone", "Standalone container", "A container in no pod: Docker, Podman, LXC, Nomad"),
  of("systemd_unit", "unit", "Unit", "The systemd unit"),
  of("netns", "netns", "Network namespace", "The network namespace of what is in no container, if it is not the host's"),
  of("cgroup_path", "cgroup", "Cgroup", "A cgroup that is no pod's, container's or unit's"),
];

export const ROLE = of(
  "role",
  "role",
  "Role",
  "Which end of its connections an endpoint is. A connection between two nodes that are both watched is counted at each end: choose one role to count it once",
);
export const PORT = of("server_port", "port", "Server port", "The server's port, at both ends");
export const PROCESS = of("process", "process", "Process", "The process at this end");

/** All by which an endpoint is known, in the order in which tables show it. */
export const ENDPOINT: Selectable[] = [CLUSTER, NODE, ...WORKLOAD, ROLE, PORT, PROCESS];

/** For `by (…)`: fewer of these add up what several workloads do on one port. */
export const ENDPOINT_LABELS = list(ENDPOINT);

/** A line's name. What a series does not have is empty there, and blanks in a row are shown as one. */
export const ENDPOINT_LEGEND = `{{role}} {{process}}:{{server_port}} ${WORKLOAD.map(({ label }) => `{{${label}}}`).join(" ")} at {{instance}} {{cluster}}`;

/** The columns of a table with a row for each endpoint. */
export const ENDPOINT_COLUMNS: Record<string, string> = Object.fromEntries(ENDPOINT.map(({ label, title }) => [label, title.toLowerCase()]));

/** Opens the dashboard of one endpoint from its row. A column that is not there is an empty value, which matches its absence. */
export const ENDPOINT_LINK =
  "/d/whohungup-endpoint?${__url_time_range}&${datasource:queryparam}&${job:queryparam}" +
  ENDPOINT.map(({ label, variable }) => `&var-${variable}=\${__data.fields["${label}"]:percentencode}`).join("");

function list(labels: Selectable[]): string {
  return labels.map(({ label }) => label).join(", ");
}
