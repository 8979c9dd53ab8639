//! What the daemon exports. Pure: reports and snapshots in, text for Prometheus out.

mod exposition;
mod families;
mod family;
mod histogram;
mod labels;
mod scrape;
mod series;
mod snapshot;

use std::sync::Arc;

use hashbrown::HashMap;

pub use exposition::Format;
use histogram::{DURATION_BOUNDS, Histogram};
use labels::Labels;
use scrape::Counted;
pub use scrape::{ProcessCost, Scrape};
use series::Series;
pub use snapshot::{BuildInfo, Snapshot};

use whohungup_core::{
    close::ClosedConnection,
    connection::Progressed,
    endpoint::{EndpointKey, Place},
    labels::Role,
};

/// Series at most where `endpoints` are told apart: the bound that docs/metrics.md gives.
pub fn most_series(endpoints: usize) -> usize {
    family::most_series(endpoints)
}

/// Counts what becomes series.
#[derive(Debug)]
pub struct Metrics {
    /// As many as there are endpoints: [`Metrics::forget`] hears of those that are gone.
    endpoints: HashMap<EndpointKey, Counted>,
    /// By role; all that have no series of their own.
    others: [Option<Counted>; Role::ALL.len()],
    durations: [Histogram; Role::ALL.len()],
    amended: u64,
    build: Arc<BuildInfo>,
    /// Seconds.
    tick: f64,
}

impl Metrics {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(build: BuildInfo, tick: f64) -> Self {
        Self {
            endpoints: HashMap::new(),
            others: Default::default(),
            durations: std::array::from_fn(|_| Histogram::new(&DURATION_BOUNDS)),
            amended: 0,
            build: Arc::new(build),
            tick,
        }
    }

    /// Counts one settled close at the endpoint where it was placed.
    pub fn close(&mut self, closed: &ClosedConnection, place: &Place) {
        let tick = self.tick;
        self.series(place).close(closed, tick);
        if closed.amends {
            // It was counted as what it seemed to be.
            self.amended += 1;
        } else if let Some(age) = closed.age {
            self.durations[closed.role as usize].observe(age);
        }
    }

    /// Counts new requests on a connection that is open.
    pub fn progress(&mut self, progressed: &Progressed, place: &Place) {
        let tick = self.tick;
        self.series(place).count(&progressed.requests, tick);
    }

    /// Ends all series of endpoints that are gone.
    pub fn forget(&mut self, gone: &[EndpointKey]) {
        for endpoint in gone {
            self.endpoints.remove(endpoint);
        }
    }

    /// What a scrape shows, with the gauges and totals of `snapshot`.
    pub fn scrape(&self, snapshot: Snapshot) -> Scrape {
        Scrape {
            endpoints: self.endpoints.values().chain(self.others.iter().flatten()).cloned().collect(),
            durations: self.durations.clone(),
            amended: self.amended,
            snapshot,
            build: Arc::clone(&self.build),
            process: ProcessCost::default(),
            refused: 0,
        }
    }

    fn series(&mut self, place: &Place) -> &mut Series {
        self.endpoints_gave_up(place);
        let new = |labels| Counted { labels, series: Arc::new(Series::new()) };
        let counted = if place.own {
            self.endpoints.entry(place.id).or_insert_with(|| new(Labels::shown(&place.id)))
        } else {
            let role = place.id.role;
            self.others[role as usize].get_or_insert_with(|| new(Labels::other(role)))
        };
        // Copied when a scrape that is being written still holds it.
        Arc::make_mut(&mut counted.series)
    }

    fn endpoints_gave_up(&mut self, place: &Place) {
        if let Some(gone) = place.gave_up {
            self.endpoints.remove(&gone);
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sample;

#[cfg(test)]
mod cardinality_tests;

#[cfg(test)]
mod golden_tests;

#[cfg(test)]
mod docs_tests;
