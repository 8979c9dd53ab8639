//! The last hour of an endpoint by minute, and when its idle connections were closed.

mod idle_closes;
mod minutes;

use super::losses::{LossCounts, Losses};
use crate::{
    close::{ClosedConnection, Loss, loss},
    histogram::{LogHistogram, PER_DECADE},
    labels::{Side, Verdict},
};

use idle_closes::IdleCloses;
pub use minutes::{MINUTES, Minutes, begins_ns, minute};

/// What is counted of each minute: closes by verdict, requests lost, and of them those that the other end on this host
/// had not reported.
pub const COUNTS: usize = Verdict::ALL.len() + 2;
pub const LOST: usize = Verdict::ALL.len();
pub const LOST_ONCE: usize = LOST + 1;

/// From 10 ms to nearly three hours.
type IdleHistogram = LogHistogram<0, { 6 * PER_DECADE }>;

#[derive(Clone, Debug)]
pub struct LastHour {
    pub minutes: Minutes<COUNTS>,
    idle: [IdleHistogram; 2],
    newest_idle: IdleCloses,
}

impl LastHour {
    /// What it may hold beside the value itself, bytes.
    pub const HEAP_BYTES: usize = idle_closes::MOST_BYTES;

    pub(super) fn new() -> Self {
        Self {
            minutes: Minutes::new(0),
            idle: [IdleHistogram::new(), IdleHistogram::new()],
            newest_idle: IdleCloses::default(),
        }
    }

    /// Closes of idle connections by `side`: numbers of the bins that are not empty, and what they hold.
    pub fn idle(&self, side: Side) -> Vec<(u16, u32)> {
        self.idle[side as usize].filled().map(|(bin, count)| (bin as u16, count)).collect()
    }

    /// The newest of them in the hour up to the minute `now`: rows of minutes ago, bin and count.
    pub fn idle_by_minute(&self, now: u64, side: Side) -> Vec<(u64, u16, u32)> {
        self.newest_idle.by_minute(now, side)
    }

    pub(super) fn close(&mut self, closed: &ClosedConnection, counted: u32) {
        let close = closed;
        let minute = minute(close.at_ns);
        if let Some(lost) = lost(closed) {
            self.minutes.add(minute, LOST, lost);
            self.minutes.add(minute, LOST_ONCE, counted);
        }
        self.minutes.add(minute, close.verdict as usize, 1);
        if closed.amends {
            // It was counted as the idle close that it seemed to be.
            self.minutes.take(minute, Verdict::ServerIdle as usize);
            return;
        }
        if close.verdict == Verdict::Completed {
            return;
        }
        let Some(side) = close.closer.side() else { return };
        if let Some(idle) = close.idle {
            self.idle[side as usize].add(idle);
            self.newest_idle.add(minute, IdleHistogram::bin(idle) as u16, side);
        }
    }
}

/// Requests lost by all together; those that were seen from both ends of a connection on this host count once.
#[derive(Clone, Debug)]
pub struct LostRequests {
    minutes: Minutes<1>,
    totals: LossCounts,
}

impl LostRequests {
    pub(super) fn new() -> Self {
        Self { minutes: Minutes::new(0), totals: LossCounts::default() }
    }

    /// `counted` requests were not reported by the other end.
    pub(super) fn add(&mut self, closed: &ClosedConnection, counted: u32) {
        self.totals.add_once(closed, counted);
        self.minutes.add(minute(closed.at_ns), 0, lost(closed).map_or(0, |_| counted));
    }

    /// In the last hour.
    pub fn sum(&self, now: u64) -> u64 {
        self.minutes.sum(now, 0)
    }

    /// Since the beginning.
    pub fn totals(&self) -> Losses {
        self.totals.shown()
    }
}

/// Requests that were lost, whatever the verdict.
fn lost(closed: &ClosedConnection) -> Option<u32> {
    match loss(closed) {
        Some((Loss::Lost(_), requests)) => Some(requests),
        _ => None,
    }
}
