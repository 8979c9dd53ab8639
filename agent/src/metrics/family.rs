//! What every family is called, which labels it has and how many series it can have: one table for the scrape, the
//! docs and the tests.

use prometheus_client::registry::Unit;

use super::{
    exposition::{Histograms, Samples},
    families,
    scrape::Scrape,
};
use whohungup_core::labels::Role;

/// One metric family.
#[derive(Debug)]
pub(super) struct Family {
    /// In full, with its unit, without the `_total` of a counter's and the `_info` of an info's samples.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Base unit, the last word of the name.
    pub(super) unit: Option<Unit>,
    pub(super) labels: &'static [&'static str],
    pub(super) sets: Sets,
    /// What it counts and, where there is something to do, what.
    pub(super) help: &'static str,
    pub(super) write: fn(&Scrape, &mut Samples<'_>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets but for +Inf: all of them, and those that are told by default.
    Histogram(&'static [f64], &'static [f64]),
    Info,
}

/// How many combinations of label values there are at most.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sets {
    Fixed(usize),
    /// For each endpoint and each `other`.
    PerEndpoint(usize),
}

/// Endpoints that stand for all that have no series of their own, one a role.
pub(super) const OTHERS: usize = Role::ALL.len();

impl Family {
    /// The name without its unit.
    pub(super) fn stem(&self) -> &'static str {
        let unit = self.unit.as_ref().map_or("", Unit::as_str);
        self.name.strip_suffix(unit).and_then(|stem| stem.strip_suffix('_')).unwrap_or(self.name)
    }

    /// Series at most, the fixed ones and those of each endpoint; the samples of a histogram's set count one by one.
    pub(super) fn most_series(&self, histograms: Histograms) -> (usize, usize) {
        let samples = match self.kind {
            Kind::Histogram(full, coarse) => match histograms {
                Histograms::Off => 0,
                Histograms::Coarse | Histograms::Native => coarse.len() + 3,
                Histograms::Full => full.len() + 3,
            },
            Kind::Counter | Kind::Gauge | Kind::Info => 1,
        };
        match self.sets {
            Sets::Fixed(sets) => (sets * samples, 0),
            Sets::PerEndpoint(sets) => (0, sets * samples),
        }
    }
}

/// Series at most, all families together, where `endpoints` are distinguished.
pub(super) fn most_series(endpoints: usize, histograms: Histograms) -> usize {
    all().fold(0, |sum, family| {
        let (fixed, of_each) = family.most_series(histograms);
        sum + fixed + of_each * (endpoints + OTHERS)
    })
}

/// All families, in the order of the scrape and of the docs.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    [
        families::closes::FAMILIES,
        families::requests::FAMILIES,
        families::timeouts::FAMILIES,
        families::connections::FAMILIES,
        families::agent::FAMILIES,
        families::record::FAMILIES,
        families::otlp::FAMILIES,
        families::web::FAMILIES,
        families::cost::FAMILIES,
    ]
    .into_iter()
    .flatten()
}
