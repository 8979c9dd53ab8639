// Who hangs up, on all nodes: what is lost, and where to look first.

import { dashboard } from "./dashboard.js";
import { ENDPOINT_COLUMNS, ENDPOINT_LABELS, ENDPOINT_LEGEND, ENDPOINT_LINK } from "./labels.js";
import { bad, coloured, row, scarce, stat, table, timeseries, verdicts, warn } from "./panels.js";
import { happened, perMinute, rate, ROW, rows } from "./queries.js";
import { ENDPOINTS, ofAgents, ofEndpoints as of } from "./variables.js";

const TROUBLE = 'level=~"losing|mismatch|tie"';

export const overview = dashboard({
  uid: "whohungup-overview",
  title: "whohungup / Who hangs up",
  description: "Who ends TCP connections and why, what users lose by it, and which services to look at first.",
  variables: ENDPOINTS,
  panels: [
    stat({
      title: "Requests lost to idle closes",
      description:
        "Requests lost to idle closes, within the time range. Raise the server's idle timeout above its clients', or lower theirs. If both ends are observed, both count: select a role.",
      queries: [{ expr: `sum(${happened(of("whohungup_idle_races_total"))})`, instant: true }],
      width: 4,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: bad(1),
    }),
    stat({
      title: "Of these, hidden by a retry",
      description:
        "Their request was retried and answered: no log shows them, users only waited longer. Known at the client's end only.",
      queries: [{ expr: `sum(${happened(of("whohungup_idle_races_retried_total"))})`, instant: true }],
      width: 4,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: warn(1),
    }),
    stat({
      title: "Hang-ups in mid request",
      description:
        "Closes in the middle of a request or response, within the time range. If both ends are observed, both count: select a role. Check the request timeouts, crashes and deployments of the side that hung up.",
      queries: [{ expr: `sum(${happened(of("whohungup_premature_hangups_total"))})`, instant: true }],
      width: 4,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: warn(1),
    }),
    stat({
      title: "Endpoints that lose requests",
      description:
        "By risk. losing: requests were lost within the last hour. mismatch: requests will be lost. tie: both sides close at about the same time. The others are safe or not known yet.",
      queries: [
        {
          expr: `sum by (level) (${of("whohungup_endpoint_risk", TROUBLE)})`,
          legend: "{{level}}",
          instant: true,
        },
      ],
      width: 5,
      unit: "short",
      decimals: 0,
      none: "none",
      steps: bad(1),
      show: "value_and_name",
    }),
    stat({
      title: "Least headroom",
      description:
        "The server's idle timeout minus the time for which its clients hold idle connections, at the endpoint with the least. Below 0 requests are lost or will be; below 1 s chance decides.",
      queries: [{ expr: `min(${of("whohungup_idle_headroom_seconds")})`, instant: true }],
      width: 4,
      unit: "s",
      none: "not known yet",
      steps: scarce(0, 1),
    }),
    stat({
      title: "Agents in trouble",
      description: "Agents that are down or degraded: see the agents' dashboard for the reason and the remedy.",
      queries: [
        {
          expr: `count((max by (cluster, instance) (${ofAgents("whohungup_degraded")}) == 1) or (min by (cluster, instance) (${ofAgents("up")}) == 0)) or vector(0)`,
          instant: true,
        },
      ],
      width: 3,
      unit: "short",
      decimals: 0,
      none: "no agent",
      steps: bad(1),
    }),

    verdicts({
      title: "How do connections end?",
      description: "Closes per second by verdict. Red and orange are lost requests; blue and green are ordinary ends.",
      closes: rate(of("whohungup_closes_total")),
    }),
    timeseries({
      title: "Who hangs up first?",
      description: "Closes per second by the side that sent the first FIN or RST; network: the path or a middlebox ended it; host: a third party on the node did.",
      queries: [{ expr: `sum by (closer) (${rate(of("whohungup_closes_total"))})`, legend: "{{closer}}" }],
      width: 12,
      unit: "ops",
      min: 0,
      stacked: true,
      overrides: coloured("client", "server", "both", "network", "host", "unknown"),
    }),

    timeseries({
      title: "How were idle connections' requests lost?",
      description:
        "Idle races per minute by kind. crossed: request and FIN crossed on the wire. stale: the client wrote on a closed connection. unread: the server closed without reading. own-timer: the client's own timer fired as it wrote.",
      queries: [{ expr: `sum by (kind) (${perMinute(of("whohungup_idle_races_total"))})`, legend: "{{kind}}" }],
      width: 8,
      unit: "short",
      min: 0,
      stacked: true,
    }),
    timeseries({
      title: "Who hangs up in mid request?",
      description: "Closes per minute in the middle of a request or response, by the side that hung up.",
      queries: [{ expr: `sum by (closer) (${perMinute(of("whohungup_premature_hangups_total"))})`, legend: "{{closer}}" }],
      width: 8,
      unit: "short",
      min: 0,
      stacked: true,
      overrides: coloured("client", "server", "both", "network", "host", "unknown"),
    }),
    timeseries({
      title: "Which share of requests went unanswered?",
      description: "Requests without a complete response when their connection ended, as a share of all, by the verdict on that close. Only parsed requests (HTTP in clear text).",
      queries: [
        {
          expr:
            `sum by (verdict) (${rate(of("whohungup_requests_unanswered_total", 'basis="http"'))})` +
            ` / on () group_left () sum(${rate(of("whohungup_requests_started_total", 'basis="http"'))})`,
          legend: "{{verdict}}",
        },
      ],
      width: 8,
      unit: "percentunit",
      min: 0,
      stacked: true,
      overrides: coloured("idle-race", "premature-hangup", "network", "host-abort", "unknown"),
    }),

    row("Which services?"),
    table({
      title: "Which endpoints are in trouble?",
      description:
        "Endpoints that lost requests within the time range, or will lose some by their timeouts. Click a port to see one alone. `whohungup report --from` names the setting to change.",
      queries: [
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_idle_races_total"))}) > 0)`), instant: true, format: "table" },
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_premature_hangups_total"))}) > 0)`), instant: true, format: "table" },
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_requests_at_risk_total"))}) > 0)`), instant: true, format: "table" },
        { expr: rows(`bottomk(50, min by (${ENDPOINT_LABELS}) (${of("whohungup_idle_headroom_seconds")}) < 1)`), instant: true, format: "table" },
        { expr: rows(`max by (${ENDPOINT_LABELS}, level) (${of("whohungup_endpoint_risk", TROUBLE)}) == 1`), instant: true, format: "table" },
      ],
      width: 24,
      height: 10,
      unit: "short",
      decimals: 0,
      none: "",
      columns: {
        ...ENDPOINT_COLUMNS,
        level: "risk",
        "Value #A": "lost to idle closes",
        "Value #B": "hang-ups in mid request",
        "Value #C": "nearly lost",
        "Value #D": "headroom",
      },
      hidden: ["Value #E", ROW],
      sortBy: "lost to idle closes",
      overrides: [
        {
          matcher: { id: "byName", options: "headroom" },
          properties: [
            { id: "unit", value: "s" },
            { id: "decimals", value: 2 },
            { id: "thresholds", value: { mode: "absolute", steps: scarce(0, 1) } },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        },
        {
          matcher: { id: "byName", options: "lost to idle closes" },
          properties: [
            { id: "thresholds", value: { mode: "absolute", steps: bad(1) } },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        },
        {
          matcher: { id: "byName", options: "server port" },
          properties: [{ id: "links", value: [{ title: "See this endpoint", url: ENDPOINT_LINK, targetBlank: false }] }],
        },
      ],
    }),
    table({
      title: "Which shutdowns lost requests?",
      description:
        "Servers that stopped listening within the time range, and what that cost. In flight: the process did not wait for requests. On idle connections: nothing announced the end. Refused: it stopped listening before its clients left. `whohungup report --from` says what each shutdown lacked.",
      queries: [
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_shutdown_requests_lost_total", 'how="in-flight"'))}))`), instant: true, format: "table" },
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_shutdown_requests_lost_total", 'how="idle-race"'))}))`), instant: true, format: "table" },
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_shutdown_requests_lost_total", 'how="refused"'))}))`), instant: true, format: "table" },
        { expr: rows(`topk(50, sum by (${ENDPOINT_LABELS}) (${happened(of("whohungup_shutdowns_total"))}))`), instant: true, format: "table" },
      ],
      width: 24,
      height: 8,
      unit: "short",
      decimals: 0,
      none: "No server has stopped listening",
      columns: {
        ...ENDPOINT_COLUMNS,
        "Value #D": "shutdowns",
        "Value #A": "lost in flight",
        "Value #B": "lost on idle connections",
        "Value #C": "connects refused",
      },
      hidden: [ROW],
      sortBy: "lost in flight",
      overrides: [
        {
          matcher: { id: "byName", options: "lost in flight" },
          properties: [
            { id: "thresholds", value: { mode: "absolute", steps: bad(1) } },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        },
        {
          matcher: { id: "byName", options: "lost on idle connections" },
          properties: [
            { id: "thresholds", value: { mode: "absolute", steps: bad(1) } },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        },
        {
          matcher: { id: "byName", options: "connects refused" },
          properties: [
            { id: "thresholds", value: { mode: "absolute", steps: warn(1) } },
            { id: "custom.cellOptions", value: { type: "color-text" } },
          ],
        },
        {
          matcher: { id: "byName", options: "server port" },
          properties: [{ id: "links", value: [{ title: "See this endpoint", url: ENDPOINT_LINK, targetBlank: false }] }],
        },
      ],
    }),
    timeseries({
      title: "Where is the headroom least?",
      description: "The ten endpoints with the least headroom: the server's idle timeout minus the time for which clients hold idle connections. Below the red line requests are lost.",
      queries: [
        {
          expr: `bottomk(10, min by (${ENDPOINT_LABELS}) (${of("whohungup_idle_headroom_seconds")}))`,
          legend: ENDPOINT_LEGEND,
        },
      ],
      width: 12,
      height: 9,
      unit: "s",
      none: "No endpoint's timeouts are known yet",
      steps: scarce(0, 1),
    }),
    timeseries({
      title: "Who nearly loses requests?",
      description: "Reuses per second within the margin of the other side's idle timeout: these requests could have been lost. The ten endpoints with the most.",
      queries: [
        {
          expr: `topk(10, sum by (${ENDPOINT_LABELS}) (${rate(of("whohungup_requests_at_risk_total"))}) > 0)`,
          legend: ENDPOINT_LEGEND,
        },
      ],
      width: 12,
      height: 9,
      unit: "ops",
      min: 0,
      none: "None",
    }),
  ],
});
