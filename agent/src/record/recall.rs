//! From the record back to what was known when a close was settled.

use std::{ops::ControlFlow, path::Path};

use jiff::{SignedDuration, Timestamp};
use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    filter::Filter,
};

use super::{
    directory::RecordError,
    gaps::Gap,
    scan::{Found, Interval, Scan},
};

/// What the table of endpoints keeps.
const RECALLED: SignedDuration = SignedDuration::from_hours(1);
/// Closes at most: a start is not to take long.
const MOST: u64 = 50_000;

/// `close` with what JSON does not say, as far as it follows from what it says; `at_ns` is its time by the clock of those
/// who take it in.
pub fn recalled(close: ClosedConnection, at_ns: u64) -> ClosedConnection {
    let uncounted = close.requests_started.zip(close.requests).map(|(begun, answered)| RequestDelta {
        basis: close.basis,
        begun,
        answered,
        unanswered: begun.saturating_sub(answered),
        reused: u32::from(close.reuse_gap.is_some()),
        short_gaps: 0,
        long_gap: close.reuse_gap,
        answered_gap: None,
    });
    // Of one that was amended the last word is all that is handed over.
    ClosedConnection { at_ns, uncounted, amends: false, ..close }
}

/// Hands over the closes of the last hour since the boot, at most 50,000 of them, for a daemon that starts again; returns
/// for how many seconds since the oldest of them no agent ran. `wall_ahead_ns` is how far the wall clock is ahead of
/// CLOCK_MONOTONIC.
///
/// # Errors
/// When the directory cannot be read.
pub fn recall(
    directory: &Path,
    wall_ahead_ns: i64,
    mut take: impl FnMut(ClosedConnection),
) -> Result<f64, RecordError> {
    let until = Timestamp::now();
    let interval = Interval { since: until.saturating_sub(RECALLED).unwrap_or(Timestamp::MIN), until };
    let filter = Filter::default();
    let mut since = until;
    let scan = Scan { directory, interval, filter: &filter, newest: Some(MOST) };
    let scanned = scan.run(|Found { close, .. }| {
        let at_ns = close.time.as_nanosecond() - i128::from(wall_ahead_ns);
        // What was before the boot has no time on that clock.
        if let Ok(at_ns) = u64::try_from(at_ns) {
            since = since.min(close.time);
            take(recalled(close, at_ns));
        }
        ControlFlow::Continue(())
    })?;
    Ok(not_observed(&scanned.gaps, Interval { since, until }))
}

/// Seconds of `interval` in which no agent ran.
pub fn not_observed(gaps: &[Gap], interval: Interval) -> f64 {
    let absent = gaps.iter().filter(|gap| gap.closes.is_none());
    absent
        .map(|gap| gap.until.min(interval.until).duration_since(gap.from.max(interval.since)).as_secs_f64())
        .fold(0.0, |sum, seconds| sum + seconds.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::testing::server_idle;

    #[test]
    fn a_close_recalls_when_it_was_and_what_was_asked() {
        let close = ClosedConnection {
            amends: true,
            requests_started: Some(4),
            reuse_gap: Some(4.5),
            ..server_idle(80, "node")
        };
        let close = recalled(close, 60);
        assert_eq!((close.at_ns, close.amends), (60, false));
        let requests = close.uncounted.expect("requests");
        assert_eq!((requests.begun, requests.unanswered, requests.long_gap), (4, 1, Some(4.5)));
    }
}
