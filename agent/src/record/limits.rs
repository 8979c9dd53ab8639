//! How much is recorded at most.

use std::time::{Duration, Instant};

/// Bytes on disk.
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// Closes a second.
pub const DEFAULT_MAX_RATE: u32 = 5000;

/// How much is kept, and how fast it may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all files together; the oldest are removed.
    pub bytes: u64,
    /// Of the newest close in a file; older files are removed.
    pub age: Duration,
    /// Closes a second, in the mean over a few seconds.
    pub rate: u32,
}

/// Seconds for which a burst may be faster than the rate.
const BURST: f64 = 4.0;
/// This part of a burst is for closes in trouble alone.
const RESERVE: f64 = 0.25;

/// Lets through so many closes a second; closes in trouble come last to be left out.
#[derive(Debug)]
pub(super) struct RateLimit {
    rate: f64,
    left: f64,
    filled: Instant,
}

impl RateLimit {
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        let rate = f64::from(rate.max(1));
        Self { rate, left: rate * BURST, filled: now }
    }

    pub(super) fn allows(&mut self, is_trouble: bool, now: Instant) -> bool {
        let most = self.rate * BURST;
        let came = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        (self.left, self.filled) = ((self.left + came).min(most), now);
        let least = if is_trouble { 1.0 } else { 1.0 + most * RESERVE };
        let is_allowed = self.left >= least;
        self.left -= f64::from(u8::from(is_allowed));
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_room_for_closes_in_trouble() {
        let began = Instant::now();
        let mut limit = RateLimit::new(100, began);
        let usual = (0..1000).filter(|_| limit.allows(false, began)).count();
        let trouble = (0..1000).filter(|_| limit.allows(true, began)).count();
        assert_eq!((usual, trouble), (300, 100));
        let later = began + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| limit.allows(true, later)).count(), 100);
    }
}
