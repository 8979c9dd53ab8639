//! Histograms as plain values, and where their buckets end.

/// Seconds. Default time-outs fall into narrow buckets of their own (docs/timeouts.md): a timer fires no sooner than it is set to
/// and mostly within a few per cent after it, so each has a bound just below and one just above.
pub(super) const IDLE_BOUNDS: [f64; 44] = [
    0.1, 0.5, 0.95, 1.3, 1.95, 2.3, 2.95, 3.3, 3.95, 4.3, 4.95, 5.3, 5.95, 6.3, 9.9, 10.5, 14.9, 15.5, 19.9,
    20.6, 29.5, 31.0, 44.5, 46.0, 59.5, 61.5, 64.5, 66.5, 74.5, 76.5, 89.0, 92.0, 119.0, 122.0, 179.0, 183.0,
    299.0, 304.0, 349.0, 354.0, 599.0, 611.0, 3590.0, 3660.0,
];
/// Seconds: where default time-outs of servers, clients and load balancers lie.
pub(super) const GAP_BOUNDS: [f64; 23] = [
    0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 6.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 65.0, 75.0, 90.0, 120.0, 180.0,
    300.0, 350.0, 600.0, 900.0, 3600.0,
];
/// Seconds.
pub(super) const DURATION_BOUNDS: [f64; 13] =
    [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0];
pub(super) const REQUEST_BOUNDS: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 100.0, 250.0, 1000.0, 10000.0];

/// Observations by bucket.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// Not cumulative; the last is what is above all bounds.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    pub(super) fn observe(&mut self, value: f64) {
        self.sum += value;
        self.count(value, 1);
    }

    /// Counts `times` observations in the bucket of `value` and adds nothing to the sum.
    pub(super) fn count(&mut self, value: f64, times: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket] += times;
    }

    /// Upper bounds, +Inf the last, and what fell between each and the one before.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }
}
