//! Requests by endpoint: how many were begun, answered, left unanswered, and after which gaps they came.

use std::sync::atomic::AtomicU64;

use hashbrown::HashMap;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{
    gaps::{Bounds, Gaps},
    labels::{RequestLabels, UnansweredLabels},
};
use crate::{close::words::Verdict, track::Requests};

type Seconds = Gauge<f64, AtomicU64>;

#[derive(Debug)]
pub(super) struct RequestMetrics {
    begun: Family<RequestLabels, Counter>,
    answered: Family<RequestLabels, Counter>,
    unanswered: Family<UnansweredLabels, Counter>,
    reused: Family<RequestLabels, Counter>,
    gaps: Family<RequestLabels, Gaps, Bounds>,
    longest: Family<RequestLabels, Seconds>,
    /// The series of each label set: one look-up for all of them.
    known: HashMap<RequestLabels, Series>,
}

#[derive(Debug)]
struct Series {
    begun: Counter,
    answered: Counter,
    reused: Counter,
    /// Made with the first re-use: most endpoints that are only seen from outside have none.
    gaps: Option<(Gaps, Seconds)>,
}

impl RequestMetrics {
    pub(super) fn new(tick: f64) -> Self {
        Self {
            begun: Family::default(),
            answered: Family::default(),
            unanswered: Family::default(),
            reused: Family::default(),
            gaps: Family::new_with_constructor(Bounds::new(tick)),
            longest: Family::default(),
            known: HashMap::new(),
        }
    }

    pub(super) fn count(&mut self, labels: &RequestLabels, requests: &Requests) {
        let Requests { begun, answered, reused, short_gaps, long_gap, .. } = *requests;
        if begun == 0 && answered == 0 && reused == 0 {
            return;
        }
        if !self.known.contains_key(labels) {
            let made = self.series(labels);
            self.known.insert(labels.clone(), made);
        }
        let Self { known, gaps, longest, .. } = self;
        let Some(series) = known.get_mut(labels) else { return };
        series.begun.inc_by(u64::from(begun));
        series.answered.inc_by(u64::from(answered));
        series.reused.inc_by(u64::from(reused));
        if reused == 0 {
            return;
        }
        let (gaps, longest) = series
            .gaps
            .get_or_insert_with(|| (gaps.get_or_create_owned(labels), longest.get_or_create_owned(labels)));
        gaps.add_short(short_gaps);
        if let Some(gap) = long_gap {
            gaps.add(gap);
            longest.set(longest.get().max(gap));
        }
    }

    /// Counts requests that were open when their connection ended.
    pub(super) fn lose(&self, labels: RequestLabels, verdict: Verdict, unanswered: u32) {
        if unanswered > 0 {
            let labels = UnansweredLabels::new(labels, verdict);
            self.unanswered.get_or_create(&labels).inc_by(u64::from(unanswered));
        }
    }

    fn series(&self, labels: &RequestLabels) -> Series {
        // What alerts look at is there at 0 before it happens.
        for verdict in [Verdict::IdleRace, Verdict::PrematureHangup] {
            drop(self.unanswered.get_or_create(&UnansweredLabels::new(labels.clone(), verdict)));
        }
        Series {
            begun: self.begun.get_or_create_owned(labels),
            answered: self.answered.get_or_create_owned(labels),
            reused: self.reused.get_or_create_owned(labels),
            gaps: None,
        }
    }

    pub(super) fn register(&self, r: &mut Registry) {
        r.register(
            "requests_begun",
            "Requests whose first byte was seen; of a living connection counted at every 256th and after each long gap",
            self.begun.clone(),
        );
        r.register(
            "requests_answered",
            "Of the begun, those whose response ended, counted with the begun",
            self.answered.clone(),
        );
        r.register(
            "requests_unanswered",
            "Requests that were open when their connection ended",
            self.unanswered.clone(),
        );
        r.register(
            "reused_requests",
            "Of the begun, those that came on an idle connection which had served others",
            self.reused.clone(),
        );
        r.register_with_unit(
            "reuse_gap",
            "From the end of a response to the next request on the idle connection; gaps below the first bound are counted there and not summed",
            Unit::Seconds,
            self.gaps.clone(),
        );
        r.register_with_unit(
            "longest_reuse_gap",
            "The longest of these gaps since the agent started; 0 while all were short",
            Unit::Seconds,
            self.longest.clone(),
        );
    }
}
