// The agents themselves: what they cost, what they missed, how full they are.

import { dashboard } from "./dashboard.js";
import { bad, gauges, plain, row, stat, states, timeseries, warn, worse } from "./panels.js";
import { perMinute, rate } from "./queries.js";
import { AGENTS, ofAgents as of } from "./variables.js";

const YES_NO = (zero: string, one: string) => [
  { type: "value", options: { "0": { text: zero, index: 0 }, "1": { text: one, index: 1 } } },
];

export const agent = dashboard({
  uid: "whohungup-agent",
  title: "whohungup / The agents",
  description: "What the agents cost, whether they missed anything, and how full their tables are.",
  variables: AGENTS,
  panels: [
    stat({
      title: "Up",
      description: "Whether the last scrape of each agent succeeded.",
      queries: [{ expr: `min by (instance) (${of("up")})`, legend: "{{instance}}", instant: true }],
      width: 4,
      none: "no agent",
      mappings: YES_NO("down", "up"),
      steps: [
        { color: "red", value: null },
        { color: "green", value: 1 },
      ],
    }),
    stat({
      title: "What runs?",
      description: "The agent's version, the kernel's release, and where the BPF programs come from.",
      queries: [
        {
          expr: `count by (version, kernel, object) (${of("whohungup_build_info")})`,
          legend: "{{version}} on {{kernel}}, programs {{object}}",
          instant: true,
        },
      ],
      width: 6,
      none: "no agent",
      steps: plain,
      show: "name",
    }),
    stat({
      title: "Is everything seen?",
      description: "Reasons for which an agent sees less than it should. They are named below; docs/metrics.md says what to do about each.",
      queries: [{ expr: `sum(${of("whohungup_degraded")})`, instant: true }],
      width: 3,
      decimals: 0,
      none: "no agent",
      mappings: [{ type: "value", options: { "0": { text: "yes", index: 0 } } }],
      steps: warn(1),
    }),
    stat({
      title: "Do the counts add up?",
      description: "Connections opened plus preexisting minus closed minus open. Anything but 0 is a bug of the agent: please report it.",
      queries: [{ expr: `max(abs(${of("whohungup_connections_balance")}))`, instant: true }],
      width: 4,
      decimals: 0,
      none: "no agent",
      mappings: [{ type: "value", options: { "0": { text: "yes", index: 0 } } }],
      steps: bad(1),
    }),
    stat({
      title: "Running since",
      description: "The start of the agent that was started last. All its counters began at 0 then or later.",
      queries: [{ expr: `max(${of("process_start_time_seconds")}) * 1000`, instant: true }],
      width: 4,
      unit: "dateTimeFromNow",
      none: "no agent",
      steps: plain,
    }),
    stat({
      title: "Counted as other",
      description: "The share of closes that got no endpoint of their own, because an agent's table of endpoints was full: raise --max-endpoints.",
      queries: [
        {
          expr:
            `(sum(${of("whohungup_closes_total", 'server_port="other"')}) or vector(0))` +
            ` / sum(${of("whohungup_closes_total")})`,
          instant: true,
        },
      ],
      width: 3,
      unit: "percentunit",
      none: "no closes",
      steps: worse(0.01, 0.1),
    }),

    row("Was anything missed?"),
    states({
      title: "Why do agents see less than they should?",
      description: "One line for each reason, red while it holds. docs/metrics.md says what is missing and what to do.",
      queries: [{ expr: `max by (reason) (${of("whohungup_degraded")})`, legend: "{{reason}}" }],
      width: 12,
      height: 10,
      mappings: YES_NO("no", "degraded"),
    }),
    timeseries({
      title: "What was lost?",
      description:
        "A minute: records that did not fit the ring buffer or could not be decoded, runs that the kernel left out, connections that were not followed or whose beginning or end was not seen. Nothing here is what to expect.",
      queries: [
        { expr: `sum(${perMinute(of("whohungup_events_lost_total"))})`, legend: "records lost" },
        { expr: `sum(${perMinute(of("whohungup_events_malformed_total"))})`, legend: "records not decoded" },
        { expr: `sum(${perMinute(of("whohungup_bpf_program_missed_runs_total"))})`, legend: "runs left out" },
        { expr: `sum(${perMinute(of("whohungup_connections_untracked_total"))})`, legend: "connections not followed" },
        { expr: `sum(${perMinute(of("whohungup_connections_missed_open_total"))})`, legend: "openings not seen" },
        { expr: `sum(${perMinute(of("whohungup_connections_closed_unseen_total"))})`, legend: "ends not seen" },
        { expr: `sum(${perMinute(of("whohungup_socket_tracking_failures_total"))})`, legend: "sockets not read" },
        { expr: `sum(${perMinute(of("whohungup_scrapes_refused_total"))})`, legend: "scrapes refused" },
      ],
      width: 12,
      height: 10,
      unit: "short",
      min: 0,
      softMax: 1,
    }),

    row("What does it cost?"),
    timeseries({
      title: "How much processor does it take?",
      description:
        "Processors in use: by the agent's process, and by its BPF programs, which the kernel charges to whoever runs them. The latter while the kernel's statistics were on (--bpf-stats).",
      queries: [
        { expr: `sum by (instance) (${rate(of("process_cpu_seconds_total"))})`, legend: "process at {{instance}}" },
        {
          expr:
            `sum by (instance) (${rate(of("whohungup_bpf_program_run_time_seconds_total"))})` +
            ` / on (instance) sum by (instance) (${rate(of("whohungup_bpf_stats_enabled_seconds_total"))})`,
          legend: "BPF programs at {{instance}}",
        },
      ],
      width: 8,
      unit: "percentunit",
      min: 0,
    }),
    timeseries({
      title: "What does one run of a program cost?",
      description: "The mean time of a run, by program: http_in and http_out run for each segment with data, the others for events of connections.",
      queries: [
        {
          expr:
            `sum by (program) (${rate(of("whohungup_bpf_program_run_time_seconds_total"))})` +
            ` / sum by (program) (${rate(of("whohungup_bpf_program_runs_total"))})`,
          legend: "{{program}}",
        },
      ],
      width: 8,
      unit: "s",
      min: 0,
    }),
    timeseries({
      title: "How often do the programs run?",
      description: "Runs a second by program, while the kernel's statistics were on.",
      queries: [
        {
          expr:
            `sum by (program) (sum by (instance, program) (${rate(of("whohungup_bpf_program_runs_total"))})` +
            ` / on (instance) group_left () sum by (instance) (${rate(of("whohungup_bpf_stats_enabled_seconds_total"))}))`,
          legend: "{{program}}",
        },
      ],
      width: 8,
      unit: "ops",
      min: 0,
    }),
    timeseries({
      title: "How much memory does it take?",
      description: "Resident memory of the process; of that, what is inferred of endpoints. The ring buffer is the kernel's.",
      queries: [
        { expr: `sum by (instance) (${of("process_resident_memory_bytes")})`, legend: "resident at {{instance}}" },
        { expr: `sum by (instance) (${of("whohungup_inference_memory_bytes")})`, legend: "inference at {{instance}}" },
        { expr: `sum by (instance) (${of("whohungup_ring_buffer_size_bytes")})`, legend: "ring buffer at {{instance}}" },
      ],
      width: 8,
      unit: "bytes",
      min: 0,
    }),
    timeseries({
      title: "How long does a scrape take?",
      description: "As Prometheus measures it; it must stay well below the scrape's timeout.",
      queries: [{ expr: of("scrape_duration_seconds"), legend: "{{instance}}" }],
      width: 8,
      unit: "s",
      min: 0,
    }),
    timeseries({
      title: "How many series does a scrape have?",
      description: "Samples of each scrape. docs/metrics.md has the bound, which --max-endpoints sets.",
      queries: [{ expr: of("scrape_samples_scraped"), legend: "{{instance}}" }],
      width: 8,
      unit: "short",
      min: 0,
    }),

    row("How full is it?"),
    gauges({
      title: "How full are the tables?",
      description: "Entries of the limit, in the fullest agent: raise --max-connections or --max-endpoints before one is full. recent_closes is meant to be full on a busy node.",
      queries: [
        {
          expr: `max by (table) (${of("whohungup_table_entries")} / on (instance, job, table) ${of("whohungup_table_limit")})`,
          legend: "{{table}}",
          instant: true,
        },
        {
          expr: `max(${of("whohungup_ring_buffer_peak_bytes")} / on (instance, job) ${of("whohungup_ring_buffer_size_bytes")})`,
          legend: "ring buffer (peak)",
          instant: true,
        },
        {
          expr: `max(${of("process_open_fds")} / on (instance, job) ${of("process_max_fds")})`,
          legend: "file descriptors",
          instant: true,
        },
      ],
      width: 8,
      unit: "percentunit",
      min: 0,
      max: 1,
      steps: worse(0.7, 0.9),
    }),
    timeseries({
      title: "How many connections are open?",
      description: "Connections that are followed, by state; closing ones wait for their close to be settled.",
      queries: [{ expr: `sum by (state) (${of("whohungup_connections_open")})`, legend: "{{state}}" }],
      width: 8,
      unit: "short",
      decimals: 0,
      min: 0,
      stacked: true,
    }),
    timeseries({
      title: "How many begin and end?",
      description: "Connections a second. Connections older than the agent are counted as preexisting at its start.",
      queries: [
        { expr: `sum(${rate(of("whohungup_connections_opened_total"))})`, legend: "opened" },
        { expr: `sum(${rate(of("whohungup_connections_closed_total"))})`, legend: "closed" },
      ],
      width: 8,
      unit: "ops",
      min: 0,
    }),
    timeseries({
      title: "Is the agent in time?",
      description: "The longest time between two emptyings of the ring buffer: 0.025 s is usual. Much more means that the agent gets no processor.",
      queries: [{ expr: of("whohungup_poll_interval_max_seconds"), legend: "{{instance}}" }],
      width: 8,
      unit: "s",
      min: 0,
      steps: worse(0.25, 1),
    }),
    timeseries({
      title: "Who made room for others?",
      description: "A minute: entries that were dropped before their time, and endpoints that were forgotten after an hour's quiet.",
      queries: [
        { expr: `sum by (table) (${perMinute(of("whohungup_table_evictions_total"))})`, legend: "evicted: {{table}}" },
        { expr: `sum(${perMinute(of("whohungup_endpoints_expired_total"))})`, legend: "quiet for an hour: endpoints" },
      ],
      width: 8,
      unit: "short",
      decimals: 0,
      min: 0,
    }),
    timeseries({
      title: "What is read?",
      description: "Sockets a second whose HTTP or TLS messages are followed, and with --tls openssl TLS sessions that are read inside.",
      queries: [
        { expr: `sum(${rate(of("whohungup_sockets_followed_total"))})`, legend: "sockets" },
        { expr: `sum(${rate(of("whohungup_tls_sessions_followed_total"))})`, legend: "TLS sessions" },
        { expr: `sum(${rate(of("whohungup_tls_session_failures_total"))})`, legend: "TLS sessions not read" },
      ],
      width: 8,
      unit: "ops",
      min: 0,
    }),
  ],
});
