//! Totals and gauges, read when somebody asks for them.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter as PromCounter;
use whohungup_ebpf::counters::Counter;

use super::{
    KindLabels, Metrics, ProgramLabels, Seconds, TableLabels, labels::OpenLabels, timeouts::TABLE as INFERRED,
};
use crate::{
    close::words::Role,
    infer::{Endpoint, InferTotals},
    probe::{CounterTotals, ProgramStat, TlsLibraries},
    track::{Limits, OpenState, Totals},
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
    /// Most bytes found waiting in the ring at once since the last snapshot.
    pub ring_peak: u64,
    pub programs: Vec<ProgramStat>,
    pub sampled: Duration,
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub tls: TlsLibraries,
    /// What was inferred, and how full the table of it is.
    pub endpoints: Vec<Endpoint>,
    pub inferred: InferTotals,
}

/// What runs where.
#[derive(Clone, Debug)]
pub struct BuildInfo {
    pub version: &'static str,
    pub kernel: String,
    pub object: String,
}

impl BuildInfo {
    pub(super) fn labels(&self) -> Vec<(&'static str, String)> {
        vec![
            ("version", self.version.to_owned()),
            ("kernel", self.kernel.clone()),
            ("object", self.object.clone()),
        ]
    }
}

impl Metrics {
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        let Snapshot { totals, limits, open, counters, malformed, .. } = snapshot;
        raise(&self.opened, totals.opened);
        raise(&self.opened_unseen, totals.opened_unseen);
        raise(&self.adopted, totals.adopted);
        raise(&self.closed, totals.closed);
        raise(&self.closed_unseen, totals.closed_unseen);
        raise(&self.untracked, totals.untracked);
        raise(&self.late_requests, totals.late_requests);
        raise(&self.late_strangers, totals.late_strangers);
        raise(&self.retries_unsought, totals.retries_unsought);
        raise(&self.malformed, *malformed);
        raise(&self.exchanges, counters.get(Counter::ExchangeMade));
        raise(&self.exchanges_failed, counters.get(Counter::ExchangeFailed));
        raise(&self.segments_unreadable, counters.get(Counter::SegmentUnreadable));
        raise(&self.tls_libraries_failed, snapshot.tls.failed);
        raise(&self.tls_sessions, counters.get(Counter::InsideMade));
        raise(&self.tls_sessions_failed, counters.get(Counter::InsideFailed));
        self.tls_libraries.set(snapshot.tls.attached as i64);
        raise(&self.resets_without_socket, counters.get(Counter::ResetWithoutSocket));
        for counter in Counter::ALL {
            if let Some(kind) = counter.lost_kind() {
                raise(&self.lost.get_or_create(&KindLabels { kind }), counters.get(counter));
            }
        }
        for (role, state, count) in open {
            let labels = OpenLabels { role: role.as_str(), state: state.as_str() };
            self.open.get_or_create(&labels).set(*count as i64);
        }
        self.timeouts.show(&snapshot.endpoints, &snapshot.inferred);
        self.tables(totals, *limits, snapshot);
        for stat in &snapshot.programs {
            let labels = ProgramLabels { program: stat.program };
            raise(&self.runs.get_or_create(&labels), stat.runs);
            raise(&self.missed.get_or_create(&labels), stat.missed);
            raise_seconds(&self.run_time.get_or_create(&labels), stat.time);
        }
        raise_seconds(&self.sampled, snapshot.sampled);
        raise_seconds(&self.cpu, snapshot.cpu);
        self.memory.set(snapshot.resident_bytes as i64);
    }

    fn tables(&self, totals: &Totals, limits: Limits, snapshot: &Snapshot) {
        let rows = [
            ("connections", totals.open, limits.connections as u64),
            ("recent_closes", totals.recent, limits.recent as u64),
            (INFERRED, snapshot.inferred.endpoints as u64, snapshot.inferred.limit as u64),
            ("endpoints", self.endpoints.len() as u64, self.endpoints.limit() as u64),
            ("ring_buffer_bytes", snapshot.ring_peak, snapshot.ring_bytes),
        ];
        for (table, entries, limit) in rows {
            self.table_entries.get_or_create(&TableLabels { table }).set(entries as i64);
            self.table_limit.get_or_create(&TableLabels { table }).set(limit as i64);
        }
        self.table_entries.get_or_create(&TableLabels { table: "listeners" }).set(totals.listeners as i64);
        let recent = TableLabels { table: "recent_closes" };
        raise(&self.table_evicted.get_or_create(&recent), totals.recent_evicted);
        let inferred = TableLabels { table: INFERRED };
        raise(&self.table_evicted.get_or_create(&inferred), snapshot.inferred.evicted);
    }
}

/// Brings a counter up to a total that is kept elsewhere.
fn raise(counter: &PromCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

fn raise_seconds(counter: &Seconds, total: Duration) {
    counter.inc_by((total.as_secs_f64() - counter.get()).max(0.0));
}
