import { agent } from "./agent.js";
import { endpoint } from "./endpoint.js";
import type { Dashboard } from "./model.js";
import { overview } from "./overview.js";

/** The dashboards by the name of their file. */
export const ALL: Record<string, Dashboard> = { overview, endpoint, agent };
