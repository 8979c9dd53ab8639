//! What the daemon exports. Pure: reports and snapshots in, text for Prometheus out.

mod exposition;
mod families;
mod family;
mod labels;
mod scrape;
mod snapshot;

use std::sync::Arc;

pub use exposition::{Exemplar, Format, Histograms, Point, PointValue, Value};
use labels::Labels;
pub use labels::{WorkloadLabel, WorkloadLabels};
use scrape::Counted;
pub use scrape::{FamilyPoints, PointKind, ProcessCost, Scrape};
pub use snapshot::{BuildInfo, Overhead, Reading, SAMPLED_PORTS, Snapshot};

use whohungup_core::{
    close::ClosedConnection,
    endpoint::{EndpointKey, Endpoints},
    histogram::BucketHistogram,
    labels::Role,
    workload::Workload,
};

/// Seconds.
const DURATION_BOUNDS: [f64; 13] =
    [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];

/// Series at most where `endpoints` are distinguished: the bound that docs/metrics.md gives.
pub fn most_series(endpoints: usize, histograms: Histograms) -> usize {
    family::most_series(endpoints, histograms)
}

/// Counts what becomes series and is no endpoint's.
#[derive(Debug)]
pub struct Metrics {
    durations: [BucketHistogram; Role::ALL.len()],
    amended: u64,
    build: Arc<BuildInfo>,
    /// Which of an endpoint's workload are labels.
    labels: WorkloadLabels,
    histograms: Histograms,
}

impl Metrics {
    pub fn new(build: BuildInfo, labels: WorkloadLabels, histograms: Histograms) -> Self {
        Self {
            durations: std::array::from_fn(|_| BucketHistogram::new(&DURATION_BOUNDS)),
            amended: 0,
            build: Arc::new(build),
            labels,
            histograms,
        }
    }

    /// Counts a settled close.
    pub fn close(&mut self, closed: &ClosedConnection) {
        if closed.amends {
            // It was counted as what it seemed to be.
            self.amended += 1;
        } else if let Some(age) = closed.age {
            self.durations[closed.role as usize]
                .observe_with_native(age, self.histograms == Histograms::Native);
        }
    }

    /// What a scrape shows: this, the endpoints', and the gauges and totals of `snapshot`.
    pub fn scrape(&self, endpoints: &Endpoints, snapshot: Snapshot) -> Scrape {
        let shown =
            |key: &EndpointKey, workload: Option<&Workload>| Labels::shown(key, workload, &self.labels);
        let own = endpoints
            .counters()
            .map(|(key, workload, counters)| Counted::new(shown(&key, workload), counters));
        let others =
            endpoints.other_counters().map(|(role, counters)| Counted::new(Labels::other(role), counters));
        Scrape {
            endpoints: own.chain(others).collect(),
            inferred: endpoints
                .tracked()
                .map(|endpoint| (shown(&endpoint.key, endpoint.workload.as_ref()), endpoint))
                .collect(),
            durations: self.durations.clone(),
            histograms: self.histograms,
            amended: self.amended,
            lost: endpoints.counted_losses(),
            snapshot,
            build: Arc::clone(&self.build),
            process: ProcessCost::default(),
            refused: 0,
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sample;
#[cfg(test)]
pub(crate) use sample::scrape as sample_scrape;

#[cfg(test)]
mod cardinality_tests;

#[cfg(test)]
mod golden_tests;

#[cfg(test)]
mod docs_tests;
