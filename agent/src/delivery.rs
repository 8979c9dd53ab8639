//! What became of what was to be sent by OTLP: for those who send, and for the metrics that say so.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::monotonic_ns;

whohungup_core::label_set! {
    /// Why a close was not delivered.
    pub enum LossReason {
        /// The other side was away, or slower than the closes came, until the queue was full.
        Queue,
        /// The other side answered that it will never take it (400, 401, 404, ...).
        Refused,
        /// The other side took the others of the batch.
        Rejected,
        /// The daemon was stopped before it could be delivered.
        Stopped,
    }
}

/// For so long attempts may fail before something is wrong: an ordinary restart of the other side takes less.
const TOLERATED_NS: u64 = 60_000_000_000;

/// Shared by those who send.
#[derive(Debug, Default)]
pub struct Counts {
    delivered: AtomicU64,
    lost: [AtomicU64; LossReason::ALL.len()],
    exports: AtomicU64,
    exports_lost: AtomicU64,
    failed_attempts: AtomicU64,
    /// CLOCK_MONOTONIC ns since when every attempt has failed; 0 while they succeed. Of logs and of metrics.
    failing_since: [AtomicU64; 2],
}

/// As they stand at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Closes.
    pub delivered: u64,
    /// Closes, in the order of [`LossReason::ALL`].
    pub lost: [u64; LossReason::ALL.len()],
    /// Exports of all metrics that were delivered.
    pub exports: u64,
    pub exports_lost: u64,
    /// Requests that failed and were made again.
    pub failed_attempts: u64,
    /// Every attempt has failed for a minute.
    pub failing: bool,
}

impl Stats {
    /// What was to be delivered and was not.
    pub fn all_lost(&self) -> u64 {
        self.lost.iter().sum::<u64>() + self.exports_lost
    }
}

/// Whose attempts.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    Logs,
    Metrics,
}

impl Counts {
    pub fn add_delivered(&self, closes: u64) {
        self.delivered.fetch_add(closes, Ordering::Relaxed);
    }

    pub fn add_lost(&self, reason: LossReason, closes: u64) {
        self.lost[reason as usize].fetch_add(closes, Ordering::Relaxed);
    }

    pub fn add_export(&self, delivered: bool) {
        let count = if delivered { &self.exports } else { &self.exports_lost };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what came of an attempt; true when it is the first of its kind.
    pub fn note_attempt(&self, whose: Whose, succeeded: bool) -> bool {
        let since = &self.failing_since[whose as usize];
        if succeeded {
            return since.swap(0, Ordering::Relaxed) != 0;
        }
        self.failed_attempts.fetch_add(1, Ordering::Relaxed);
        since.compare_exchange(0, monotonic_ns(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub fn stats(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let now_ns = monotonic_ns();
        let is_long = |since: u64| since != 0 && now_ns.saturating_sub(since) > TOLERATED_NS;
        Stats {
            delivered: read(&self.delivered),
            lost: self.lost.each_ref().map(read),
            exports: read(&self.exports),
            exports_lost: read(&self.exports_lost),
            failed_attempts: read(&self.failed_attempts),
            failing: self.failing_since.iter().any(|since| is_long(read(since))),
        }
    }
}
