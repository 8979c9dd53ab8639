//! What the daemon exports. Pure: reports and snapshots in, OpenMetrics text out.

mod endpoints;
mod gaps;
mod labels;
mod register;
mod requests;
mod snapshot;
mod timeouts;

use endpoints::Endpoints;
use labels::{
    AgeLabels, CloseLabels, IdleLabels, KindLabels, OpenLabels, ProgramLabels, RaceLabels, RequestLabels,
    TableLabels,
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use requests::RequestMetrics;
pub use snapshot::{BuildInfo, Snapshot};
use std::sync::atomic::AtomicU64;
use timeouts::TimeoutMetrics;

use crate::{
    close::words::{Closer, Race, Role},
    track::{OpenState, Progressed, Report},
};

/// Where servers' and clients' default time-outs lie, seconds.
const IDLE_BUCKETS: [f64; 24] = [
    0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 75.0, 90.0, 120.0,
    180.0, 300.0, 600.0, 1800.0, 3600.0,
];
const AGE_BUCKETS: [f64; 13] =
    [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];
const REQUEST_BUCKETS: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 100.0, 250.0, 1000.0, 10000.0];

type Seconds = Counter<f64, AtomicU64>;

/// All metric families.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    endpoints: Endpoints,
    closes: Family<CloseLabels, Counter>,
    races: Family<RaceLabels, Counter>,
    amended: Counter,
    idle: Family<IdleLabels, Histogram>,
    age: Family<AgeLabels, Histogram>,
    requests: Family<AgeLabels, Histogram>,
    outcomes: RequestMetrics,
    timeouts: TimeoutMetrics,
    open: Family<OpenLabels, Gauge>,
    opened: Counter,
    opened_unseen: Counter,
    adopted: Counter,
    closed: Counter,
    closed_unseen: Counter,
    untracked: Counter,
    late_requests: Counter,
    late_strangers: Counter,
    retries_unsought: Counter,
    lost: Family<KindLabels, Counter>,
    malformed: Counter,
    exchanges: Counter,
    exchanges_failed: Counter,
    segments_unreadable: Counter,
    tls_libraries: Gauge,
    tls_libraries_failed: Counter,
    tls_sessions: Counter,
    tls_sessions_failed: Counter,
    resets_without_socket: Counter,
    endpoints_over: Counter,
    table_entries: Family<TableLabels, Gauge>,
    table_limit: Family<TableLabels, Gauge>,
    table_evicted: Family<TableLabels, Counter>,
    runs: Family<ProgramLabels, Counter>,
    missed: Family<ProgramLabels, Counter>,
    run_time: Family<ProgramLabels, Seconds>,
    sampled: Seconds,
    cpu: Seconds,
    memory: Gauge,
}

impl Metrics {
    /// `max_endpoints` bounds the combinations of server port and process that get series of their own; `tick`
    /// is the length of the kernel's clock tick in seconds.
    pub fn new(max_endpoints: usize, build: &BuildInfo, tick: f64) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("whohungup"),
            endpoints: Endpoints::new(max_endpoints),
            closes: Family::default(),
            races: Family::default(),
            amended: Counter::default(),
            idle: Family::new_with_constructor(|| Histogram::new(IDLE_BUCKETS)),
            age: Family::new_with_constructor(|| Histogram::new(AGE_BUCKETS)),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            outcomes: RequestMetrics::new(tick),
            timeouts: TimeoutMetrics::default(),
            open: Family::default(),
            opened: Counter::default(),
            opened_unseen: Counter::default(),
            adopted: Counter::default(),
            closed: Counter::default(),
            closed_unseen: Counter::default(),
            untracked: Counter::default(),
            late_requests: Counter::default(),
            late_strangers: Counter::default(),
            retries_unsought: Counter::default(),
            lost: Family::default(),
            malformed: Counter::default(),
            exchanges: Counter::default(),
            exchanges_failed: Counter::default(),
            segments_unreadable: Counter::default(),
            tls_libraries: Gauge::default(),
            tls_libraries_failed: Counter::default(),
            tls_sessions: Counter::default(),
            tls_sessions_failed: Counter::default(),
            resets_without_socket: Counter::default(),
            endpoints_over: Counter::default(),
            table_entries: Family::default(),
            table_limit: Family::default(),
            table_evicted: Family::default(),
            runs: Family::default(),
            missed: Family::default(),
            run_time: Family::default(),
            sampled: Counter::default(),
            cpu: Counter::default(),
            memory: Gauge::default(),
        };
        metrics.register(build);
        metrics.begin();
        metrics
    }

    /// Counts one settled close.
    pub fn close(&mut self, report: &Report) {
        let close = &report.close;
        let (server_port, process, over) = self.endpoints.of(close.role, &report.ends, report.process);
        self.endpoints_over.inc_by(u64::from(over));
        if let Some(requests) = &report.requests {
            let labels = RequestLabels {
                role: close.role.as_str(),
                server_port: server_port.clone(),
                process: process.clone(),
                basis: requests.basis.as_str(),
            };
            self.outcomes.count(&labels, requests);
            self.outcomes.lose(labels, close.verdict, requests.unanswered);
        }
        if let Some(kind) = close.race {
            let labels = RaceLabels {
                kind: kind.as_str(),
                role: close.role.as_str(),
                server_port: server_port.clone(),
                process: process.clone(),
            };
            self.races.get_or_create(&labels).inc();
        }
        if report.amends {
            // It was counted as what it seemed to be.
            self.amended.inc();
            return;
        }
        self.closes
            .get_or_create(&CloseLabels {
                role: close.role.as_str(),
                server_port,
                process,
                verdict: close.verdict.as_str(),
                closer: close.closer.as_str(),
                cause: close.cause.as_str(),
                how: close.how.as_str(),
            })
            .inc();
        let role = close.role.as_str();
        if let Some(idle) = close.idle {
            self.idle.get_or_create(&IdleLabels { role, closer: close.closer.as_str() }).observe(idle);
        }
        if let Some(age) = close.age {
            self.age.get_or_create(&AgeLabels { role }).observe(age);
        }
        if let Some(requests) = close.requests {
            self.requests.get_or_create(&AgeLabels { role }).observe(f64::from(requests));
        }
    }

    /// Counts new requests on a connection that is open.
    pub fn progress(&mut self, progressed: &Progressed) {
        let Progressed { role, ends, process, requests } = progressed;
        let (server_port, process, _) = self.endpoints.of(*role, ends, *process);
        let labels =
            RequestLabels { role: role.as_str(), server_port, process, basis: requests.basis.as_str() };
        self.outcomes.count(&labels, requests);
    }

    /// The OpenMetrics text, with the gauges and totals of `snapshot`.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn scrape(&mut self, snapshot: &Snapshot) -> Result<String, std::fmt::Error> {
        self.update(snapshot);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Series that must be there at 0 before anything happens, so that a first increase is seen as one.
    fn begin(&self) {
        for closer in [Closer::Client, Closer::Server] {
            for role in [Role::Client, Role::Server] {
                drop(self.idle.get_or_create(&IdleLabels { role: role.as_str(), closer: closer.as_str() }));
            }
        }
        for role in [Role::Client, Role::Server] {
            drop(self.age.get_or_create(&AgeLabels { role: role.as_str() }));
            drop(self.requests.get_or_create(&AgeLabels { role: role.as_str() }));
            for kind in Race::ALL {
                let labels = RaceLabels {
                    kind: kind.as_str(),
                    role: role.as_str(),
                    server_port: "none".into(),
                    process: "none".into(),
                };
                drop(self.races.get_or_create(&labels));
            }
            for state in OpenState::ALL {
                let labels = OpenLabels { role: role.as_str(), state: state.as_str() };
                drop(self.open.get_or_create(&labels));
            }
        }
    }
}

#[cfg(test)]
#[path = "metrics/tests.rs"]
mod tests;
