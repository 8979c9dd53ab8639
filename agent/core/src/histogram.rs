//! Histograms as plain values: one of fine logarithmic bins to look at, one of given buckets to export.
//!
//! The buckets are counted exactly and are no projection of the bins: timeouts have buckets narrower than a bin
//! (4.95 to 5.3 s, where a bin holds 4.64 to 5.11 s), so that what is in a bin could not be put on the right side of
//! their bounds.

mod native;

use std::mem;

pub use native::{NativeBuckets, SCHEMA as NATIVE_SCHEMA, ZERO_THRESHOLD as NATIVE_ZERO_THRESHOLD};

/// Bins of one decade.
pub const PER_DECADE: usize = 24;
/// Where bin 0 begins, seconds.
pub const FIRST: f64 = 0.01;

/// Where a bin begins, seconds.
pub fn begins(bin: usize) -> f64 {
    FIRST * 10_f64.powf(bin as f64 / PER_DECADE as f64)
}

/// Counts in `BINS` bins, of which the first is number `FROM`; what lies outside is in the first and the last.
#[derive(Clone, Debug)]
pub struct LogHistogram<const FROM: usize, const BINS: usize>([u32; BINS]);

impl<const FROM: usize, const BINS: usize> LogHistogram<FROM, BINS> {
    pub(crate) const LAST: usize = FROM + BINS - 1;

    pub const fn new() -> Self {
        Self([0; BINS])
    }

    pub fn add(&mut self, seconds: f64) {
        let count = &mut self.0[Self::bin(seconds) - FROM];
        *count = count.saturating_add(1);
    }

    /// The number of the bin that counts it.
    pub fn bin(seconds: f64) -> usize {
        let bin = ((seconds / FIRST).log10() * PER_DECADE as f64).floor();
        // Saturates: what is no time or below the first bin is in the first.
        (bin as usize).clamp(FROM, Self::LAST)
    }

    /// Numbers of the bins that are not empty, and what they hold.
    pub fn filled(&self) -> impl Iterator<Item = (usize, u32)> {
        (FROM..).zip(self.0.iter().copied()).filter(|&(_, count)| count > 0)
    }
}

impl<const FROM: usize, const BINS: usize> Default for LogHistogram<FROM, BINS> {
    fn default() -> Self {
        Self::new()
    }
}

/// Exact counts in buckets with given upper bounds.
#[derive(Clone, Debug)]
pub struct BucketHistogram {
    bounds: &'static [f64],
    /// Not cumulative; the last is what is above all bounds.
    counts: Box<[u64]>,
    sum: f64,
    native: Option<Box<NativeBuckets>>,
}

impl BucketHistogram {
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0.0, native: None }
    }

    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    /// The same in the exponential buckets of a native histogram too, if those are `wanted`.
    pub fn observe_with_native(&mut self, value: f64, wanted: bool) {
        self.observe(value);
        if wanted {
            self.native.get_or_insert_default().observe(value);
        }
    }

    /// Adds what another with the same bounds holds.
    pub fn absorb(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(into, count)| *into += count);
        self.sum += other.sum;
        if let Some(native) = &other.native {
            self.native.get_or_insert_default().absorb(native);
        }
    }

    /// Upper bounds, +Inf the last, and what fell between each and the one before.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// The same with only those bounds that are in `bounds`: what lies between two of them is one bucket.
    pub fn coarse_buckets(&self, bounds: &[f64]) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        self.buckets().filter_map(move |(bound, count)| {
            below += count;
            (bound == f64::INFINITY || bounds.contains(&bound)).then(|| (bound, mem::take(&mut below)))
        })
    }

    /// The exponential buckets, if those were wanted.
    pub fn native(&self) -> Option<&NativeBuckets> {
        self.native.as_deref()
    }

    /// How much was observed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Of all that was observed.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Memory beside the value itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.counts) + self.native.as_ref().map_or(0, |native| native.heap_bytes())
    }
}

#[cfg(test)]
mod tests;
