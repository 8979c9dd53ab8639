//! Everything that one scrape shows, taken at one moment; its text can be written anywhere.

use std::{fmt, sync::Arc, time::Duration};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Unit};

use super::{
    exposition::{self, Exemplar, Format, Histograms, Point, Samples},
    family::{self, Family, Kind},
    labels::Labels,
    snapshot::{BuildInfo, Snapshot},
};
use whohungup_core::{
    endpoint::{
        Endpoint, Losses,
        counters::{CounterWithExemplar, Counters, REQUEST_BASES, RequestCounts},
    },
    histogram::BucketHistogram,
    labels::Role,
};

/// Cheap to take: endpoints are shared with the counting side, which copies one when it counts on while this is alive.
#[derive(Clone, Debug)]
pub struct Scrape {
    pub(super) endpoints: Vec<Counted>,
    /// Of the same endpoints, those that are distinguished.
    pub(super) inferred: Vec<(Labels, Endpoint)>,
    /// By role.
    pub(super) durations: [BucketHistogram; Role::ALL.len()],
    pub(super) histograms: Histograms,
    pub(super) amended: u64,
    pub(super) lost: Losses,
    pub(super) snapshot: Snapshot,
    pub(super) build: Arc<BuildInfo>,
    /// What whoever writes the text knows of itself.
    pub process: ProcessCost,
    pub refused: u64,
}

/// A family with its samples.
#[derive(Debug)]
pub struct FamilyPoints {
    /// With its unit, without the `_total` of a counter's and the `_info` of an info's samples.
    pub name: &'static str,
    pub help: &'static str,
    pub unit: Option<&'static str>,
    pub kind: PointKind,
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointKind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// An endpoint with what was counted of it.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) labels: Labels,
    pub(super) counters: Arc<Counters>,
}

impl Counted {
    pub(super) fn new(labels: Labels, counters: &Arc<Counters>) -> Self {
        Self { labels, counters: Arc::clone(counters) }
    }
}

/// What the agent's own process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProcessCost {
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    /// Seconds since the Unix epoch.
    pub started: f64,
    pub open_fds: u64,
    pub max_fds: u64,
}

impl Scrape {
    /// What is sent; the same scrape always gives the same.
    pub fn encoded(self, format: Format) -> Vec<u8> {
        let scrape = Arc::new(self.in_order());
        let all = || family::all().filter(|family| is_shown(family, scrape.histograms));
        match format {
            // Messages are made before they are written: those of one family at a time are enough.
            Format::Protobuf => all()
                .flat_map(|family| {
                    let page = Page { scrape: Arc::clone(&scrape), families: vec![family], format };
                    exposition::encoded(page, format)
                })
                .collect(),
            Format::OpenMetrics | Format::Prometheus => {
                let families = all().collect();
                exposition::encoded(Page { scrape, families, format }, format)
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn text(self, format: Format) -> String {
        String::from_utf8(self.encoded(format)).expect("text")
    }

    /// The same as values, for those who write something else than text.
    pub fn families(self) -> impl Iterator<Item = FamilyPoints> {
        let scrape = self.in_order();
        let histograms = scrape.histograms;
        family::all().filter(move |family| is_shown(family, histograms)).map(move |family| FamilyPoints {
            name: family.name,
            help: family.help,
            unit: family.unit.as_ref().map(Unit::as_str),
            kind: match family.kind {
                Kind::Counter => PointKind::Counter,
                Kind::Gauge => PointKind::Gauge,
                Kind::Histogram(..) => PointKind::Histogram,
                Kind::Info => PointKind::Info,
            },
            points: Samples::points(family, histograms, |samples| (family.write)(&scrape, samples)),
        })
    }

    fn in_order(mut self) -> Self {
        self.endpoints = one_of_each(self.endpoints);
        // Where several endpoints have the same labels, the worst stands for them.
        self.inferred.sort_by(|(one, first), (other, second)| {
            one.cmp(other).then(first.risk.cmp(&second.risk)).then(second.closes.cmp(&first.closes))
        });
        self.inferred.dedup_by(|(other, _), (one, _)| one == other);
        self
    }

    /// Calls `write` with the labels and the counts of each endpoint's requests.
    pub(super) fn each_requests<'a, 'b>(
        &'a self,
        samples: &mut Samples<'b>,
        mut write: impl FnMut(&mut Samples<'b>, [&'a str; 4], &'a RequestCounts),
    ) {
        for endpoint in &self.endpoints {
            let [role, port, process] = samples.of(&endpoint.labels);
            for (basis, requests) in REQUEST_BASES.iter().zip(&endpoint.counters.requests) {
                if let Some(requests) = requests {
                    write(samples, [role, port, process, basis.as_str()], requests);
                }
            }
        }
    }

    pub(super) fn exemplar(&self, counter: &CounterWithExemplar) -> Option<Exemplar> {
        let (ends, at_ns) = counter.newest?;
        let since_epoch = (i128::from(at_ns) + i128::from(self.snapshot.wall_ahead_ns)) / 1_000_000;
        Some(Exemplar { ends, at: Duration::from_millis(since_epoch.try_into().unwrap_or(0)) })
    }
}

/// In the order of their labels; those that have the same are counted together.
fn one_of_each(mut endpoints: Vec<Counted>) -> Vec<Counted> {
    endpoints.sort_by(|one, other| one.labels.cmp(&other.labels));
    let mut once: Vec<Counted> = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        match once.last_mut().filter(|last| last.labels == endpoint.labels) {
            Some(last) => Arc::make_mut(&mut last.counters).absorb(&endpoint.counters),
            None => once.push(endpoint),
        }
    }
    once
}

/// Histograms may be left out.
fn is_shown(family: &Family, histograms: Histograms) -> bool {
    histograms != Histograms::Off || !matches!(family.kind, Kind::Histogram(..))
}

/// A scrape as it is encoded.
#[derive(Debug)]
struct Page {
    scrape: Arc<Scrape>,
    families: Vec<&'static Family>,
    format: Format,
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.families {
            let mut samples = Samples::begin(&mut encoder, family, self.format, self.scrape.histograms)?;
            (family.write)(&self.scrape, &mut samples);
            samples.finish()?;
        }
        Ok(())
    }
}
