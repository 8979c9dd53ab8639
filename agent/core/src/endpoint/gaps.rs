//! How long connections were idle before they were used again.

use whohungup_ebpf::framing::LONG_GAP_TICKS;

use super::model::Gaps;
use crate::histogram::{LogHistogram, begins};

/// The first holds what is up to a quarter of a second, the last ends after two hours.
type GapHistogram = LogHistogram<33, 108>;

/// The longest gap is that of this one and the last such time, so that it is forgotten after one to two hours.
const EPOCH_NS: u64 = 3_600_000_000_000;

#[derive(Clone, Debug)]
pub(super) struct GapSketch {
    count: u64,
    /// Too short to be timed: less than `first` seconds.
    short: u64,
    first: f32,
    bins: GapHistogram,
    epoch: u64,
    longest: f32,
    longest_before: f32,
}

impl GapSketch {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub(super) fn new(tick: f64) -> Self {
        Self {
            count: 0,
            short: 0,
            first: (f64::from(LONG_GAP_TICKS) * tick) as f32,
            bins: GapHistogram::new(),
            epoch: 0,
            longest: 0.0,
            longest_before: 0.0,
        }
    }

    pub(super) fn add_short(&mut self, gaps: u32) {
        self.count = self.count.saturating_add(u64::from(gaps));
        self.short = self.short.saturating_add(u64::from(gaps));
    }

    /// `seconds` must be finite; `now_ns` is CLOCK_MONOTONIC.
    pub(super) fn add(&mut self, seconds: f64, now_ns: u64) {
        if seconds < f64::from(self.first) {
            self.add_short(1);
            return;
        }
        self.count = self.count.saturating_add(1);
        self.bins.add(seconds);
        self.turn(now_ns);
        self.longest = self.longest.max(seconds as f32);
    }

    /// Forgets the longest gaps of long ago.
    pub(super) fn turn(&mut self, now_ns: u64) {
        let epoch = now_ns / EPOCH_NS;
        if epoch <= self.epoch {
            return;
        }
        self.longest_before = if epoch == self.epoch + 1 { self.longest } else { 0.0 };
        self.longest = 0.0;
        self.epoch = epoch;
    }

    pub(super) fn longest(&self) -> Option<f64> {
        let longest = self.longest.max(self.longest_before);
        (longest > 0.0).then(|| f64::from(longest))
    }

    /// How many were `least` seconds or longer, by the middles of their bins: right to about 5 % of the time.
    pub(super) fn from(&self, least: f64) -> u64 {
        let long = self.bins.filled().filter(|&(bin, _)| (begins(bin) * begins(bin + 1)).sqrt() >= least);
        long.map(|(_, count)| u64::from(count)).sum()
    }

    pub(super) fn shown(&self) -> Gaps {
        let short = (self.short > 0).then_some((f64::from(self.first), self.short));
        let long = self.bins.filled().map(|(bin, count)| {
            // What is longer than the last bin is in it.
            let bound = if bin == GapHistogram::LAST { self.longest().unwrap_or(0.0) } else { 0.0 };
            (begins(bin + 1).max(bound), u64::from(count))
        });
        Gaps { count: self.count, longest: self.longest(), bins: short.into_iter().chain(long).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_in_a_bin_that_ends_within_a_tenth_above_it() {
        for seconds in [0.25, 0.3, 1.0, 4.999, 5.0, 75.0, 3600.0] {
            let mut gaps = GapSketch::new(0.004);
            gaps.add(seconds, 0);
            let shown = gaps.shown();
            let [(bound, 1)] = shown.bins[..] else { panic!("{shown:?}") };
            assert!(bound >= seconds && bound <= seconds * 1.1007, "{seconds} in {bound}");
        }
    }

    #[test]
    fn the_longest_gap_is_forgotten_after_one_to_two_hours_and_the_counts_are_not() {
        let mut gaps = GapSketch::new(0.004);
        let at = |minutes: u64| minutes * 60_000_000_000;
        gaps.add(50.0, at(59));
        gaps.add(5.0, at(61));
        assert_eq!(gaps.longest(), Some(50.0));
        gaps.turn(at(121));
        assert_eq!(gaps.longest(), Some(5.0));
        gaps.turn(at(10_000));
        assert_eq!((gaps.longest(), gaps.shown().count), (None, 2));
    }

    #[test]
    fn short_and_endless_gaps_are_counted_in_the_first_and_the_last_bin() {
        let mut gaps = GapSketch::new(0.004);
        gaps.add_short(7);
        gaps.add(0.0, 0);
        gaps.add(1e9, 0);
        let shown = gaps.shown();
        assert_eq!(shown.count, 9);
        assert!((shown.bins[0].0 - 0.248).abs() < 1e-6 && shown.bins[0].1 == 8, "{shown:?}");
        assert_eq!(shown.bins[1], (1e9, 1));
        assert_eq!(gaps.from(60.0), 1);
    }
}
