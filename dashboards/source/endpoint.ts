// One service at one end: its timeouts, what clients make of them, and what is lost.

import { dashboard } from "./dashboard.js";
import { ENDPOINT_COLUMNS, ENDPOINT_LABELS, ENDPOINT_LINK } from "./labels.js";
import { bad, coloured, heatmap, plain, row, scarce, stat, table, timeseries, verdicts, warn } from "./panels.js";
import { happened, perMinute, rate, ROW, rows } from "./queries.js";
import { ENDPOINT, ofEndpoint as of } from "./variables.js";

const HTTP = 'basis="http"';
const IDLE_TIMER = (side: string) => of("whohungup_inferred_timeout_seconds", `side="${side}", phase="idle"`);

const RISKS = ["losing", "mismatch", "tie", "safe", "unknown"];

export const endpoint = dashboard({
  uid: "whohungup-endpoint",
  title: "whohungup / One endpoint",
  description: "The time after which each side of a service closes, how close its clients come to it, and the losses. Select a port and a process.",
  variables: ENDPOINT,
  panels: [
    stat({
      title: "What do its timeouts mean?",
      description:
        "losing: requests were lost within the last hour. mismatch: requests will be lost. tie: both sides close at about the same time. safe: they close in the right order.",
      queries: [{ expr: `max by (level) (${of("whohungup_endpoint_risk")}) == 1`, legend: "{{level}}", instant: true }],
      width: 5,
      none: "not seen",
      steps: plain,
      show: "name",
      overrides: coloured(...RISKS),
    }),
    stat({
      title: "Headroom",
      description: "The server's idle timeout minus the time for which clients hold idle connections. Below 0 requests are lost or will be: raise the server's timeout.",
      queries: [{ expr: `min(${of("whohungup_idle_headroom_seconds")})`, instant: true }],
      width: 4,
      unit: "s",
      decimals: 2,
      none: "not known yet",
      steps: scarce(0, 1),
    }),
    stat({
      title: "Requests lost to idle closes",
      description: "Within the time range. Their kinds are below.",
      queries: [{ expr: `sum(${happened(of("whohungup_idle_races_total"))})`, instant: true }],
      width: 4,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: bad(1),
    }),
    stat({
      title: "Hang-ups in mid request",
      description: "Closes in the middle of a request or response, within the time range.",
      queries: [{ expr: `sum(${happened(of("whohungup_premature_hangups_total"))})`, instant: true }],
      width: 4,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: warn(1),
    }),
    stat({
      title: "Requests per second",
      description: "Parsed requests (HTTP in clear text), within the last minutes.",
      queries: [{ expr: `sum(${rate(of("whohungup_requests_started_total", HTTP))})`, instant: true }],
      width: 4,
      unit: "reqps",
      none: "none read",
      steps: plain,
    }),
    stat({
      title: "Reused",
      description: "Share of requests on a connection that had served others before. Near 0, connections are not reused.",
      queries: [
        {
          expr: `sum(${rate(of("whohungup_connection_reuses_total", HTTP))}) / sum(${rate(of("whohungup_requests_started_total", HTTP))})`,
          instant: true,
        },
      ],
      width: 3,
      unit: "percentunit",
      decimals: 0,
      none: "none read",
      steps: plain,
    }),

    table({
      title: "Whose endpoints are these?",
      description:
        "The endpoints that are selected, with their closes per second. More than one row: the other panels add them up. Click a port to see one alone.",
      queries: [
        { expr: rows(`sum by (${ENDPOINT_LABELS}) (${rate(of("whohungup_closes_total"))})`), instant: true, format: "table" },
        { expr: rows(`min by (${ENDPOINT_LABELS}) (${of("whohungup_idle_headroom_seconds")})`), instant: true, format: "table" },
        { expr: rows(`max by (${ENDPOINT_LABELS}, level) (${of("whohungup_endpoint_risk")}) == 1`), instant: true, format: "table" },
      ],
      width: 24,
      height: 6,
      none: "None has been seen",
      columns: { ...ENDPOINT_COLUMNS, level: "risk", "Value #A": "closes", "Value #B": "headroom" },
      hidden: ["Value #C", ROW],
      sortBy: "closes",
      overrides: [
        { matcher: { id: "byName", options: "closes" }, properties: [{ id: "unit", value: "ops" }] },
        {
          matcher: { id: "byName", options: "headroom" },
          properties: [
            { id: "unit", value: "s" },
            { id: "decimals", value: 2 },
          ],
        },
        {
          matcher: { id: "byName", options: "server port" },
          properties: [{ id: "links", value: [{ title: "See this endpoint alone", url: ENDPOINT_LINK, targetBlank: false }] }],
        },
      ],
    }),

    row("Timeouts"),
    heatmap({
      title: "After which idle time does the server close?",
      description:
        "Closes per second by the time from the end of the last response to the first FIN or RST. A timeout shows as one bright line. Rows are buckets, named by their upper bound.",
      queries: [
        {
          expr: `sum by (le) (${rate(of("whohungup_idle_at_close_seconds_bucket", 'closer="server"'))})`,
          legend: "{{le}}",
          format: "heatmap",
        },
      ],
      width: 12,
      unit: "s",
      rows: "Closes per second",
    }),
    heatmap({
      title: "After which idle time do clients close?",
      description:
        "The same for closes by the clients. Lines below the server's are safe; a line at or above it means that requests can be lost.",
      queries: [
        {
          expr: `sum by (le) (${rate(of("whohungup_idle_at_close_seconds_bucket", 'closer="client"'))})`,
          legend: "{{le}}",
          format: "heatmap",
        },
      ],
      width: 12,
      unit: "s",
      rows: "Closes per second",
    }),
    heatmap({
      title: "How long are connections idle before they are reused?",
      description:
        "Reuses per second by the gap before them. Gaps near the server's timeout are requests that could have been lost. Gaps below a quarter of a second are not in it: whohungup_short_reuse_gaps_total counts them.",
      queries: [
        {
          expr: `sum by (le) (${rate(of("whohungup_reuse_gap_seconds_bucket", HTTP))})`,
          legend: "{{le}}",
          format: "heatmap",
        },
      ],
      width: 12,
      unit: "s",
      rows: "Reuses per second",
    }),
    timeseries({
      title: "Do gaps reach the timeouts?",
      description:
        "The longest gap between two requests of a connection, and the idle timeouts of both sides. Requests are lost if the gap reaches the server's timeout.",
      queries: [
        { expr: `min by (clock) (${IDLE_TIMER("server")})`, legend: "server closes ({{clock}})" },
        { expr: `min by (clock) (${IDLE_TIMER("client")})`, legend: "clients close ({{clock}})" },
        { expr: `max(${of("whohungup_reuse_gap_max_seconds")})`, legend: "longest gap" },
      ],
      width: 12,
      height: 12,
      unit: "s",
      min: 0,
      overrides: [
        {
          matcher: { id: "byRegexp", options: "/^server closes/" },
          properties: [
            { id: "color", value: { mode: "fixed", fixedColor: "#73BF69" } },
            { id: "custom.lineWidth", value: 2 },
          ],
        },
        {
          matcher: { id: "byRegexp", options: "/^clients close/" },
          properties: [
            { id: "color", value: { mode: "fixed", fixedColor: "#5794F2" } },
            { id: "custom.lineWidth", value: 2 },
          ],
        },
        {
          matcher: { id: "byName", options: "longest gap" },
          properties: [{ id: "color", value: { mode: "fixed", fixedColor: "#FF9830" } }],
        },
      ],
    }),
    table({
      title: "Which timeouts are there?",
      description:
        "The times after which each side closes repeatedly, with the phase of the connection and the clock: docs/verdicts.md defines the words.",
      queries: [
        {
          expr: `min by (${ENDPOINT_LABELS}, side, phase, clock) (${of("whohungup_inferred_timeout_seconds")})`,
          instant: true,
          format: "table",
        },
      ],
      width: 12,
      height: 8,
      unit: "s",
      none: "None was found yet: it takes some closes after the same time",
      columns: {
        side: "who closes",
        phase: "phase",
        clock: "clock",
        Value: "after",
        ...ENDPOINT_COLUMNS,
      },
      hidden: [],
    }),
    timeseries({
      title: "How many requests were nearly lost?",
      description: "Reuses per second within the margin of the other side's idle timeout.",
      queries: [{ expr: `sum by (role) (${rate(of("whohungup_requests_at_risk_total"))})`, legend: "seen by the {{role}}" }],
      width: 12,
      unit: "ops",
      min: 0,
      none: "None",
    }),

    row("Ends"),
    verdicts({
      title: "How do its connections end?",
      description: "Closes per second by verdict (docs/verdicts.md).",
      closes: rate(of("whohungup_closes_total")),
    }),
    timeseries({
      title: "Why?",
      description: "Closes per second by the side that hung up and the cause.",
      queries: [
        {
          expr: `sum by (closer, cause) (${rate(of("whohungup_closes_total"))}) > 0`,
          legend: "{{closer}}: {{cause}}",
        },
      ],
      width: 12,
      unit: "ops",
      min: 0,
      stacked: true,
      legend: "right",
    }),
    timeseries({
      title: "How were requests lost to idle closes?",
      description:
        "Idle races per minute. crossed: request and FIN crossed on the wire. stale: the client wrote on a closed connection. unread: the server closed without reading. own-timer: the client's own timer fired as it wrote. hidden by a retry: races whose request was retried and answered.",
      queries: [
        { expr: `sum by (kind) (${perMinute(of("whohungup_idle_races_total"))})`, legend: "{{kind}}" },
        { expr: `sum(${perMinute(of("whohungup_idle_races_retried_total"))})`, legend: "hidden by a retry" },
      ],
      width: 12,
      unit: "short",
      min: 0,
      overrides: [
        {
          matcher: { id: "byName", options: "hidden by a retry" },
          properties: [
            { id: "custom.lineWidth", value: 2 },
            { id: "color", value: { mode: "fixed", fixedColor: "#FADE2A" } },
          ],
        },
      ],
    }),
    timeseries({
      title: "Which requests got no answer?",
      description: "Requests per minute without a complete response when their connection ended, by the verdict on that close: losses of users.",
      queries: [
        { expr: `sum by (verdict) (${perMinute(of("whohungup_requests_unanswered_total"))})`, legend: "{{verdict}}" },
      ],
      width: 12,
      unit: "short",
      min: 0,
      stacked: true,
      overrides: coloured("idle-race", "premature-hangup", "network", "host-abort", "unknown"),
    }),
    stat({
      title: "What did its shutdowns cost?",
      description:
        "Within the time range: shutdowns, and the requests that they lost. in-flight: their connection was closed. idle-race: they met the close of an idle connection. refused: connects after the listener's end, at least. `whohungup report --from` says what each shutdown lacked.",
      queries: [
        { expr: `sum(${happened(of("whohungup_shutdowns_total"))})`, legend: "shutdowns", instant: true },
        { expr: `sum by (how) (${happened(of("whohungup_shutdown_requests_lost_total"))})`, legend: "{{how}}", instant: true },
      ],
      width: 24,
      unit: "short",
      decimals: 0,
      none: "none seen",
      steps: bad(1),
      show: "value_and_name",
      overrides: [
        {
          matcher: { id: "byName", options: "shutdowns" },
          properties: [{ id: "thresholds", value: { mode: "absolute", steps: plain } }],
        },
      ],
    }),

    row("Use"),
    heatmap({
      title: "How many requests does a connection carry?",
      description: "Connections per second by the number of answered requests. All in the lowest rows means that connections are not reused.",
      queries: [
        {
          expr: `sum by (le) (${rate(of("whohungup_requests_per_connection_bucket"))})`,
          legend: "{{le}}",
          format: "heatmap",
        },
      ],
      width: 12,
      unit: "short",
      rows: "Connections per second",
    }),
    timeseries({
      title: "How many requests are there, and how many on reused connections?",
      description: "Requests per second. On open connections updated every 256 requests and after each idle gap of 250 ms or more. http: read from messages; inferred: from the traffic direction of TLS connections.",
      queries: [
        { expr: `sum by (basis) (${rate(of("whohungup_requests_started_total"))})`, legend: "started ({{basis}})" },
        { expr: `sum by (basis) (${rate(of("whohungup_connection_reuses_total"))})`, legend: "on a reused connection ({{basis}})" },
        { expr: `sum by (basis) (${rate(of("whohungup_requests_completed_total"))})`, legend: "completed ({{basis}})" },
      ],
      width: 12,
      height: 12,
      unit: "reqps",
      min: 0,
    }),
  ],
});
