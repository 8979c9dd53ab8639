// The dashboards as a ConfigMap, which the sidecar of Grafana's Helm chart picks up by its label.

import type { Dashboard } from "./model.js";

/** JSON is YAML, so that no text has to be quoted twice; a block scalar for each dashboard keeps it readable. */
export function configMap(dashboards: Record<string, Dashboard>): string {
  const lines = [
    "# Written by `npm run write` in dashboards.",
    "apiVersion: v1",
    "kind: ConfigMap",
    "metadata:",
    "  name: whohungup-dashboards",
    "  labels:",
    '    grafana_dashboard: "1"',
    "    app.kubernetes.io/name: whohungup",
    "data:",
  ];
  for (const [name, dashboard] of Object.entries(dashboards)) {
    lines.push(`  whohungup-${name}.json: |-`, `    ${JSON.stringify(provisioned(dashboard))}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Nobody is asked for the data source where dashboards are provisioned: Grafana's default is chosen. */
function provisioned(dashboard: Dashboard): Record<string, unknown> {
  const { __inputs: _, __requires: __, ...rest } = dashboard;
  const list = rest.templating.list.map((variable) =>
    variable.type === "datasource" ? { ...variable, current: {} } : variable,
  );
  return { ...rest, templating: { list } };
}
