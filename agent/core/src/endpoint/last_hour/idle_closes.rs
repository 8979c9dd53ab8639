//! When idle connections were closed, and after how long: the newest closes one by one.

use std::collections::{BTreeMap, VecDeque};

use super::MINUTES;
use crate::labels::Side;

/// Kept of one endpoint.
const KEPT: usize = 128;

#[derive(Clone, Copy, Debug)]
struct IdleClose {
    /// Of CLOCK_MONOTONIC: enough for 8,000 years.
    minute: u32,
    /// Of the histogram of idle times.
    bin: u16,
    side: Side,
}

/// What they may hold, bytes.
pub(super) const MOST_BYTES: usize = KEPT * size_of::<IdleClose>();

#[derive(Clone, Debug, Default)]
pub(super) struct IdleCloses(VecDeque<IdleClose>);

impl IdleCloses {
    pub(super) fn add(&mut self, minute: u64, bin: u16, side: Side) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(IdleClose { minute: minute as u32, bin, side });
    }

    /// Minutes before `now`, bin and count, of the last hour; the oldest first.
    pub(super) fn by_minute(&self, now: u64, side: Side) -> Vec<(u64, u16, u32)> {
        let mut counts = BTreeMap::new();
        for close in self.0.iter().filter(|close| close.side == side) {
            let ago = now.saturating_sub(u64::from(close.minute));
            if ago < MINUTES as u64 {
                *counts.entry((std::cmp::Reverse(ago), close.bin)).or_insert(0) += 1;
            }
        }
        counts.into_iter().map(|((std::cmp::Reverse(ago), bin), count)| (ago, bin, count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closes_are_counted_by_minute_and_bin_and_are_forgotten_after_an_hour() {
        let mut closes = IdleCloses::default();
        for (minute, bin, side) in [
            (10, 40, Side::Server),
            (69, 66, Side::Server),
            (70, 66, Side::Server),
            (70, 66, Side::Server),
            (70, 5, Side::Client),
        ] {
            closes.add(minute, bin, side);
        }
        assert_eq!(closes.by_minute(70, Side::Server), [(60, 40, 1), (1, 66, 1), (0, 66, 2)]);
        assert_eq!(closes.by_minute(71, Side::Server), [(2, 66, 1), (1, 66, 2)]);
        assert_eq!(closes.by_minute(70, Side::Client), [(0, 5, 1)]);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut closes = IdleCloses::default();
        (0..2 * KEPT as u64).for_each(|close| closes.add(close / 8, 1, Side::Client));
        let kept: u32 = closes.by_minute(31, Side::Client).iter().map(|row| row.2).sum();
        assert_eq!((kept as usize, closes.by_minute(31, Side::Client)[0].0), (KEPT, 15));
    }
}
