//! A histogram that takes many observations of one bucket at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric, family::MetricConstructor},
};
use whohungup_ebpf::framing::LONG_GAP_TICKS;

/// Where servers', clients' and load balancers' default time-outs lie, seconds.
const BOUNDS: [f64; 23] = [
    0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 6.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 65.0, 75.0, 90.0, 120.0, 180.0,
    300.0, 350.0, 600.0, 900.0, 3600.0,
];

/// Upper bounds of the buckets: the first holds every gap that is too short to be told by itself.
#[derive(Clone, Debug)]
pub(super) struct Bounds(Arc<[f64]>);

impl Bounds {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub(super) fn new(tick: f64) -> Self {
        let longest_untold = f64::from(LONG_GAP_TICKS - 1) * tick;
        Self(BOUNDS.into_iter().filter(|&bound| bound > longest_untold).chain([f64::INFINITY]).collect())
    }
}

impl MetricConstructor<Gaps> for Bounds {
    fn new_metric(&self) -> Gaps {
        let buckets = self.0.iter().map(|&bound| (bound, 0)).collect();
        Gaps(Arc::new(Mutex::new(Inner { sum: 0.0, count: 0, buckets })))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Gaps(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    sum: f64,
    count: u64,
    buckets: Vec<(f64, u64)>,
}

impl Gaps {
    /// Counts gaps that are too short to be told: they add nothing to the sum.
    pub(super) fn add_short(&self, gaps: u32) {
        self.lock().add(0.0, u64::from(gaps));
    }

    pub(super) fn add(&self, seconds: f64) {
        self.lock().add(seconds, 1);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, seconds: f64, times: u64) {
        self.sum += seconds * times as f64;
        self.count += times;
        if let Some((_, count)) = self.buckets.iter_mut().find(|(bound, _)| seconds <= *bound) {
            *count += times;
        }
    }
}

impl TypedMetric for Gaps {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Gaps {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let inner = self.lock();
        encoder.encode_histogram::<NoLabelSet>(inner.sum, inner.count, &inner.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}
