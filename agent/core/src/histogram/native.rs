//! The sparse, exponential buckets of a Prometheus native histogram.
//!
//! Source: the Prometheus native histograms specification, "Standard schemas": with schema n a bucket with the index i
//! holds what is above `2^((i-1) / 2^n)` and at most `2^(i / 2^n)`.

/// Eight buckets to a doubling, each 9 % wide.
pub const SCHEMA: i32 = 3;
/// Seconds (or requests); what is not above it is in the zero bucket. 2^-10: less than a tick of any kernel.
pub const ZERO_THRESHOLD: f64 = 1.0 / 1024.0;

const PER_DOUBLING: f64 = 8.0;
/// The first above the zero threshold.
const FIRST: i32 = -10 * 8 + 1;
/// 2^20 s are 12 days; what is longer is in this one too.
const LAST: i32 = 20 * 8;

/// Counts in those buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeBuckets {
    zero: u64,
    /// Index and count, in the order of the indices.
    filled: Vec<(i32, u64)>,
}

impl NativeBuckets {
    pub(super) fn observe(&mut self, value: f64) {
        if value > ZERO_THRESHOLD { self.add(index(value), 1) } else { self.zero += 1 }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.zero += other.zero;
        other.filled.iter().for_each(|&(index, count)| self.add(index, count));
    }

    fn add(&mut self, index: i32, count: u64) {
        match self.filled.binary_search_by_key(&index, |&(index, _)| index) {
            Ok(place) => self.filled[place].1 += count,
            Err(place) => self.filled.insert(place, (index, count)),
        }
    }

    /// What was not above [`ZERO_THRESHOLD`].
    pub fn zero_count(&self) -> u64 {
        self.zero
    }

    /// Runs of buckets: how far each begins behind the one before it (the first: behind index 0), and its length.
    pub fn spans(&self) -> Vec<(i32, u32)> {
        let mut spans: Vec<(i32, u32)> = Vec::new();
        let mut next = 0;
        for &(index, _) in &self.filled {
            match spans.last_mut() {
                Some((_, length)) if index == next => *length += 1,
                _ => spans.push((index - next, 1)),
            }
            next = index + 1;
        }
        spans
    }

    /// The count of each bucket in the spans, less that of the one before it.
    pub fn deltas(&self) -> Vec<i64> {
        let counts = self.filled.iter().map(|&(_, count)| count.cast_signed());
        counts.clone().zip([0].into_iter().chain(counts)).map(|(count, before)| count - before).collect()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.filled.capacity() * size_of::<(i32, u64)>()
    }
}

fn index(value: f64) -> i32 {
    // Saturates; powers of two have exact logarithms, and no other bound is a number that a clock can give.
    ((value.log2() * PER_DOUBLING).ceil() as i32).clamp(FIRST, LAST)
}

#[cfg(test)]
mod tests;
