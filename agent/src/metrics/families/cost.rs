//! What runs, and what it costs.

use prometheus_client::registry::Unit;

use super::super::{
    family::{Family, Kind, Sets},
    snapshot::SAMPLED_PORTS,
};
use whohungup_bpf::PROGRAMS;

/// Whose time it is.
pub(in super::super) const OVERHEAD_PARTS: [&str; 2] = ["programs", "agent"];

pub(in super::super) const FAMILIES: &[Family] = &[
    Family {
        name: "whohungup_bpf_program_runs",
        kind: Kind::Counter,
        unit: None,
        labels: &["program"],
        sets: Sets::Fixed(PROGRAMS),
        help: "Runs of each BPF program while BPF run-time statistics were on (--bpf-stats)",
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
        help: "CPU time of each BPF program while BPF run-time statistics were on",
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
        help: "BPF program runs skipped by the kernel as nested (recursion_misses), always counted: an event was missed, and a socket scan follows",
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
        help: "Time for which BPF run-time statistics were on: one second in fifteen, unless --bpf-stats is off or always",
        write: |scrape, samples| samples.add(&[], scrape.snapshot.sampled.as_secs_f64()),
    },
    Family {
        name: "whohungup_overhead_ratio",
        kind: Kind::Gauge,
        unit: None,
        labels: &["part"],
        sets: Sets::Fixed(OVERHEAD_PARTS.len()),
        help: "Share of one core that the BPF programs and the agent took when it was last measured (every 15 s, unless --bpf-stats is off)",
        write: |scrape, samples| {
            if let Some(reading) = scrape.snapshot.overhead.and_then(|overhead| overhead.newest) {
                for (part, share) in OVERHEAD_PARTS.iter().zip([reading.programs, reading.agent]) {
                    samples.add(&[part], share);
                }
            }
        },
    },
    Family {
        name: "whohungup_overhead_budget_ratio",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Share of one core that both parts of overhead_ratio may take together (--overhead-budget)",
        write: |scrape, samples| {
            if let Some(overhead) = scrape.snapshot.overhead {
                samples.add(&[], overhead.budget);
            }
        },
    },
    Family {
        name: "whohungup_overhead_over_budget",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "1 from the fourth measurement in a row above the budget to the fourth in a row below four fifths of it: run with --http-inspection off, or raise --overhead-budget",
        write: |scrape, samples| {
            if let Some(overhead) = scrape.snapshot.overhead {
                samples.add(&[], u64::from(overhead.is_over));
            }
        },
    },
    Family {
        name: "whohungup_http_coverage_ratio",
        kind: Kind::Gauge,
        unit: None,
        labels: &["server_port"],
        sets: Sets::Fixed(SAMPLED_PORTS),
        help: "Share of a port's connections whose messages are read, by the overhead budget; ports of which all are read are not there",
        write: |scrape, samples| {
            for (port, share) in &scrape.snapshot.http_coverage {
                samples.add(&[&port.to_string()], *share);
            }
        },
    },
    Family {
        name: "whohungup_build",
        kind: Kind::Info,
        unit: None,
        labels: &["version", "kernel", "object"],
        sets: Sets::Fixed(1),
        help: "Version of the agent, release of the kernel and origin of the BPF programs",
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
        help: "User and system CPU time of the agent; the kernel charges the time of BPF programs to the processes that trigger them",
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
        help: "Start time of the agent since the Unix epoch: every counter began at 0 then or later",
        write: |scrape, samples| samples.add(&[], scrape.process.started),
    },
    Family {
        name: "process_open_fds",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Open file descriptors of the agent",
        write: |scrape, samples| samples.add(&[], scrape.process.open_fds),
    },
    Family {
        name: "process_max_fds",
        kind: Kind::Gauge,
        unit: None,
        labels: &[],
        sets: Sets::Fixed(1),
        help: "Maximum open file descriptors of the agent",
        write: |scrape, samples| samples.add(&[], scrape.process.max_fds),
    },
];
