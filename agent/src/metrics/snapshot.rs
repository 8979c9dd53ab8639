//! Totals and gauges, read when somebody asks for them.

use std::time::Duration;

use crate::{degraded::Reason, delivery, record::RecordStats, web, workloads::KubernetesHealth};
use whohungup_bpf::{CounterTotals, ProgramStat, TlsLibraries};
use whohungup_core::{
    connection::{Limits, OpenState, Totals},
    endpoint::InferTotals,
    labels::Role,
};

/// What the running session says at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub totals: Totals,
    pub limits: Limits,
    pub open: Vec<(Role, OpenState, u64)>,
    pub counters: CounterTotals,
    pub malformed: u64,
    pub ring_bytes: u64,
    /// Most bytes taken out of the ring in one go of late.
    pub ring_peak: u64,
    /// Longest time between two emptyings of the ring of late.
    pub longest_poll: Duration,
    pub programs: Vec<ProgramStat>,
    pub sampled: Duration,
    /// `None` where it is not measured.
    pub overhead: Option<Overhead>,
    /// Ports of which not all connections are read, and the share that is.
    pub http_coverage: Vec<(u16, f64)>,
    pub tls: TlsLibraries,
    /// How full the table of endpoints is.
    pub inferred: InferTotals,
    /// Cgroups of sockets whose path was not found.
    pub cgroups_unresolved: u64,
    /// Zeros where it is not asked.
    pub kubernetes: KubernetesHealth,
    /// Why less is seen than should be.
    pub degraded: Vec<Reason>,
    /// `None` where nothing is recorded on disk.
    pub record: Option<RecordStats>,
    /// Zeros where nothing is sent.
    pub otlp: delivery::Stats,
    /// Zeros where everybody may ask.
    pub web: web::Stats,
    /// How far the wall clock is ahead of CLOCK_MONOTONIC, ns.
    pub wall_ahead_ns: i64,
}

/// Ports of which connections are left out at once; of further ones all are read.
pub const SAMPLED_PORTS: usize = 32;

/// What the agent and its programs take, as shares of one processor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overhead {
    pub budget: f64,
    /// `None` before the first reading, and while nothing is measured.
    pub newest: Option<Reading>,
    pub is_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Of the BPF programs, which the kernel charges to those who trigger them.
    pub programs: f64,
    /// Of the agent's own process.
    pub agent: f64,
    /// What of the programs the HTTP tier takes.
    pub http: f64,
}

/// What runs where.
#[derive(Clone, Debug)]
pub struct BuildInfo {
    pub version: &'static str,
    pub kernel: String,
    pub object: String,
}

/// How full a table is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) entries: u64,
    pub(super) limit: Option<u64>,
    pub(super) evicted: Option<u64>,
}

impl Snapshot {
    /// What was opened and is neither open nor closed.
    pub(super) fn balance(&self) -> i64 {
        let Totals { opened, adopted, closed, .. } = self.totals;
        let open: u64 = self.open.iter().map(|(_, _, count)| count).sum();
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        signed(opened.saturating_add(adopted)).saturating_sub(signed(closed.saturating_add(open)))
    }

    pub(super) fn tables(&self) -> [Table; 4] {
        let Self { totals, limits, inferred, .. } = self;
        [
            Table {
                name: "connections",
                entries: totals.open,
                limit: Some(limits.connections as u64),
                evicted: None,
            },
            Table {
                name: "recent_closes",
                entries: totals.recent,
                limit: Some(limits.recent as u64),
                evicted: Some(totals.recent_evicted),
            },
            Table {
                name: "endpoints",
                entries: inferred.endpoints as u64,
                limit: Some(inferred.limit as u64),
                evicted: Some(inferred.evicted),
            },
            Table { name: "listeners", entries: totals.listeners, limit: None, evicted: None },
        ]
    }
}
