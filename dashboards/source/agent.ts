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
      description: "Success of the last scrape of each agent.",
      queries: [{ expr: `min by (cluster, instance) (${of("up")})`, legend: "{{instance}} {{cluster}}", instant: true }],
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
      description: "Version of the agent, release of the kernel, origin of the BPF programs.",
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
      description: "Number of reasons for an incomplete view. They are listed below; docs/metrics.md has the remedy of each.",
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
      description: "Start time of the newest agent. All its counters began at 0 then or later.",
      queries: [{ expr: `max(${of("process_start_time_seconds")}) * 1000`, instant: true }],
      width: 4,
      unit: "dateTimeFromNow",
      none: "no agent",
      steps: plain,
    }),
    stat({
      title: "Counted as other",
      description: "Share of closes without an endpoint of their own, because an agent's table of endpoints was full: raise --max-endpoints.",
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
      title: "Why is an agent's view incomplete?",
      description: "One line per reason, red while it holds. docs/metrics.md has what is missing, and the remedy.",
      queries: [{ expr: `max by (reason) (${of("whohungup_degraded")})`, legend: "{{reason}}" }],
      width: 12,
      height: 10,
      mappings: YES_NO("no", "degraded"),
    }),
    timeseries({
      title: "What was lost?",
      description:
        "Per minute: events lost because the ring buffer was full, events that could not be decoded, nested BPF program runs skipped by the kernel, connections without tracking, and connections with a missed open or close event. All should be 0.",
      queries: [
        { expr: `sum(${perMinute(of("whohungup_events_lost_total"))})`, legend: "events lost" },
        { expr: `sum(${perMinute(of("whohungup_events_malformed_total"))})`, legend: "events not decoded" },
        { expr: `sum(${perMinute(of("whohungup_bpf_program_missed_runs_total"))})`, legend: "runs skipped" },
        { expr: `sum(${perMinute(of("whohungup_connections_untracked_total"))})`, legend: "connections not tracked" },
        { expr: `sum(${perMinute(of("whohungup_connections_missed_open_total"))})`, legend: "opens missed" },
        { expr: `sum(${perMinute(of("whohungup_connections_closed_unseen_total"))})`, legend: "closes missed" },
        { expr: `sum(${perMinute(of("whohungup_socket_tracking_failures_total"))})`, legend: "sockets not tracked" },
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
      title: "How much CPU does it take?",
      description:
        "CPUs in use by the agent's process, and by its BPF programs, which the kernel charges to the processes that trigger them. The latter only while BPF run-time statistics were on (--bpf-stats). Both together should stay below the budget (--overhead-budget): whohungup_overhead_over_budget is 1 where they do not.",
      queries: [
        { expr: `sum by (cluster, instance) (${rate(of("process_cpu_seconds_total"))})`, legend: "process at {{instance}} {{cluster}}" },
        {
          expr:
            `sum by (cluster, instance) (${rate(of("whohungup_bpf_program_run_time_seconds_total"))})` +
            ` / on (cluster, instance) sum by (cluster, instance) (${rate(of("whohungup_bpf_stats_enabled_seconds_total"))})`,
          legend: "BPF programs at {{instance}} {{cluster}}",
        },
        { expr: `min by (cluster, instance) (${of("whohungup_overhead_budget_ratio")})`, legend: "budget at {{instance}} {{cluster}}" },
      ],
      width: 8,
      unit: "percentunit",
      min: 0,
    }),
    timeseries({
      title: "What does one run of a program cost?",
      description: "Mean time of a run, by program: http_in and http_out run for each segment with data, the others for events of connections.",
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
      description: "Runs per second by program, while BPF run-time statistics were on.",
      queries: [
        {
          expr:
            `sum by (program) (sum by (cluster, instance, program) (${rate(of("whohungup_bpf_program_runs_total"))})` +
            ` / on (cluster, instance) group_left () sum by (cluster, instance) (${rate(of("whohungup_bpf_stats_enabled_seconds_total"))}))`,
          legend: "{{program}}",
        },
      ],
      width: 8,
      unit: "ops",
      min: 0,
    }),
    timeseries({
      title: "How much memory does it take?",
      description: "Resident memory of the process, and the part of it used by inference. The ring buffer is kernel memory.",
      queries: [
        { expr: `sum by (cluster, instance) (${of("process_resident_memory_bytes")})`, legend: "resident at {{instance}} {{cluster}}" },
        { expr: `sum by (cluster, instance) (${of("whohungup_inference_memory_bytes")})`, legend: "inference at {{instance}} {{cluster}}" },
        { expr: `sum by (cluster, instance) (${of("whohungup_ring_buffer_size_bytes")})`, legend: "ring buffer at {{instance}} {{cluster}}" },
      ],
      width: 8,
      unit: "bytes",
      min: 0,
    }),
    timeseries({
      title: "How long does a scrape take?",
      description: "Measured by Prometheus; it must stay well below the scrape timeout.",
      queries: [{ expr: of("scrape_duration_seconds"), legend: "{{instance}} {{cluster}}" }],
      width: 8,
      unit: "s",
      min: 0,
    }),
    timeseries({
      title: "How many series does a scrape have?",
      description: "Samples per scrape. --max-endpoints sets the limit (docs/metrics.md).",
      queries: [{ expr: of("scrape_samples_scraped"), legend: "{{instance}} {{cluster}}" }],
      width: 8,
      unit: "short",
      min: 0,
    }),

    row("How full is it?"),
    gauges({
      title: "How full are the tables?",
      description: "Entries as a share of the limit, in the fullest agent: raise --max-connections or --max-endpoints before one is full. A full recent_closes is normal on a busy node.",
      queries: [
        {
          expr: `max by (table) (${of("whohungup_table_entries")} / on (cluster, job, instance, table) ${of("whohungup_table_limit")})`,
          legend: "{{table}}",
          instant: true,
        },
        {
          expr: `max(${of("whohungup_ring_buffer_peak_bytes")} / on (cluster, job, instance) ${of("whohungup_ring_buffer_size_bytes")})`,
          legend: "ring buffer (peak)",
          instant: true,
        },
        {
          expr: `max(${of("process_open_fds")} / on (cluster, job, instance) ${of("process_max_fds")})`,
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
      description: "Tracked connections by state; those in state closing wait for their close to be settled.",
      queries: [{ expr: `sum by (state) (${of("whohungup_connections_open")})`, legend: "{{state}}" }],
      width: 8,
      unit: "short",
      decimals: 0,
      min: 0,
      stacked: true,
    }),
    timeseries({
      title: "How many begin and end?",
      description: "Connections per second. Connections older than the agent are counted as preexisting at its start.",
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
      description: "Longest time between two drains of the ring buffer: 0.025 s is normal. Much more means that the agent is short of CPU.",
      queries: [{ expr: of("whohungup_poll_interval_max_seconds"), legend: "{{instance}} {{cluster}}" }],
      width: 8,
      unit: "s",
      min: 0,
      steps: worse(0.25, 1),
    }),
    timeseries({
      title: "What was evicted?",
      description: "Per minute: entries evicted early to make room, and endpoints removed after a quiet hour.",
      queries: [
        { expr: `sum by (table) (${perMinute(of("whohungup_table_evictions_total"))})`, legend: "evicted: {{table}}" },
        { expr: `sum(${perMinute(of("whohungup_endpoints_expired_total"))})`, legend: "endpoints after a quiet hour" },
      ],
      width: 8,
      unit: "short",
      decimals: 0,
      min: 0,
    }),
    timeseries({
      title: "What is read?",
      description: "Sockets per second with HTTP or TLS messages tracked, and, with --tls openssl, sessions with plaintext tracked.",
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
