//! What runs, and what it costs.

use prometheus_client::registry::Unit;

use super::super::family::{Family, Kind, Sets};
use whohungup_bpf::PROGRAMS;

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_bpf_program_runs",
        kind: Kind::Counter,
        unit: None,
        labels: &["program"],
        sets: Sets::Fixed(PROGRAMS),
        help: "Runs of each BPF program while the kernel's statistics were on (--program-stats)",
        write: |scrape, samples| {
            for stat in &scrape.snapshot.programs {
                samples.add(&[stat.program], stat.runs);
            }
        },
    },
    Family {
        name: "whohungup_bpf_program_run_time_seconds",
        kind: Kind::Counter,
        unit: Some(Unit::Seconds),
        labels: &["program"],
        sets: Sets::Fixed(PROGRAMS),
        help: "Time in each BPF program while the kernel's statistics were on",
        write: |scrape, samples| {
            for stat in &scrape.snapshot.programs {
                samples.add(&[stat.program], stat.time.as_secs_f64());
            }
        },
    },
    Family {
        name: "whohungup_bpf_program_missed_runs",
        kind: Kind::Counter,
        unit: None,
        labels: &["program"],
        sets: Sets::Fixed(PROGRAMS),
        help: "Runs that the kernel left out because the program was interrupted by itself, counted always: an event was not seen, and the table is compared with the sockets that exist",
        write: |scrape, samples| {
            for stat in &scrape.snapshot.programs {
                samples.add(&[stat.program], stat.missed);
            }
        },
    },
    Family {
        name: "whohungup_bpf_stats_enabled_seconds",
        kind: Kind::Counter,
        unit: Some(Unit::Seconds),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "For how long the kernel's statistics were on: one second in fifteen unless --program-stats says otherwise",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.sampled.as_secs_f64()),
    },
    Family {
        name: "whohungup_build",
        kind: Kind::Info,
        unit: None,
        labels: &["version", "kernel", "object"],
        sets: Sets::Fixed(1),
        help: "What runs: the agent's version, the kernel's release, where the BPF programs come from",
        write: |scrape, samples| {
            let build = &scrape.build;
            samples.info(&[build.version, &build.kernel, &build.object]);
        },
    },
    Family {
        name: "process_cpu_seconds",
        kind: Kind::Counter,
        unit: Some(Unit::Seconds),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "User and system CPU time of the agent; that of its BPF programs is charged to whoever runs them",
        write: |scrape, samples| samples.add(&[], scrape.process.cpu.as_secs_f64()),
    },
    Family {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Resident memory of the agent",
        write: |scrape, samples| samples.add(&[], scrape.process.resident_bytes),
    },
    Family {
        name: "process_virtual_memory_bytes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Virtual memory of the agent; the ring buffer is mapped twice",
        write: |scrape, samples| samples.add(&[], scrape.process.virtual_bytes),
    },
    Family {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        labels: &[],
        sets: Sets::Fixed(1),
        help: "When the agent started, since the Unix epoch: every counter began at 0 then or later",
        write: |scrape, samples| samples.add(&[], scrape.process.started),
    },
    Family {
        name: "process_open_fds",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "File descriptors that the agent has open",
        write: |scrape, samples| samples.add(&[], scrape.process.open_fds),
    },
    Family {
        name: "process_max_fds",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "File descriptors that it may have open",
        write: |scrape, samples| samples.add(&[], scrape.process.max_fds),
    },
];
