//! Closes that come after the same time: one cluster of a series.

use super::bins::Bins;

/// Closes in which what is not repeated fades to a third.
const MEMORY: f32 = 64.0;
/// Values that a cluster's middle is the mean of, at most: it follows a timer that drifts.
const MEAN_OF: u32 = 64;
/// Closes that make a timer.
pub(super) const ENOUGH: u32 = 3;
/// A cluster that made every close is over after this many without it.
const LEAST_SILENCE: f32 = 16.0;
/// Closes without it, in multiples of what it should have taken for one, after which any cluster is over.
const SILENCE: f32 = 8.0;

/// What counts as the same time, seconds either way: 1 % or 20 ms, whichever is more.
pub(super) fn tolerance(seconds: f32) -> f32 {
    (seconds * 0.01).max(0.020)
}

/// How much an observation made `closes` ago still weighs, 0 to 1.
pub(super) fn faded(closes: u32) -> f32 {
    (-(closes as f32) / MEMORY).exp()
}

/// The weight of a whole series of `total` observations.
pub(super) fn whole(total: u32) -> f32 {
    let each = faded(1);
    (1.0 - faded(total)) / (1.0 - each)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    pub(super) mean: f32,
    variance: f32,
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) count: u32,
    /// Of the newest closes: each weighs less the more have come after it. As of `seen`.
    recent: f32,
    /// Number in the series of its newest close.
    seen: u32,
    /// Its share of the recent closes as of `seen`.
    share: f32,
    pub(super) bins: Bins,
}

impl Cluster {
    /// `now` is the number of the close in its series, from 1.
    pub(super) fn new(value: f32, now: u32) -> Self {
        Self {
            mean: value,
            variance: 0.0,
            least: value,
            most: value,
            count: 1,
            recent: 1.0,
            seen: now,
            share: 1.0 / whole(now),
            bins: Bins::new(value),
        }
    }

    /// How far `value` is from the middle; `None` when it is not of this cluster.
    pub(super) fn distance(&self, value: f32) -> Option<f32> {
        let distance = (value - self.mean).abs();
        (distance <= tolerance(self.mean)).then_some(distance)
    }

    pub(super) fn add(&mut self, value: f32, now: u32) {
        self.recent = self.recent(now) + 1.0;
        self.seen = self.seen.max(now);
        self.share = self.recent / whole(now);
        self.count = self.count.saturating_add(1);
        let part = 1.0 / self.count.min(MEAN_OF) as f32;
        let off = value - self.mean;
        self.mean += off * part;
        self.variance += (off * off * (1.0 - part) - self.variance) * part;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.bins.add(value);
    }

    pub(super) fn recent(&self, now: u32) -> f32 {
        self.recent * faded(now.saturating_sub(self.seen))
    }

    /// Standard deviation, seconds.
    pub(super) fn deviation(&self) -> f32 {
        self.variance.max(0.0).sqrt()
    }

    /// It has not been seen for so long that it is most likely over: its timer was changed.
    pub(super) fn is_over(&self, now: u32) -> bool {
        let silence = now.saturating_sub(self.seen) as f32;
        silence > (SILENCE / self.share.max(f32::MIN_POSITIVE)).max(LEAST_SILENCE)
    }
}
