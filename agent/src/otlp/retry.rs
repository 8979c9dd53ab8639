//! When to try again: later and later, and not all agents at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// Whatever the other side asks for.
const MOST_ASKED: Duration = Duration::from_mins(5);

#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after one more failure, at least what the other side asked for.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let usual = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let jittered = usual.mul_f64(0.5 + fastrand::f64());
        jittered.max(asked.unwrap_or_default().min(MOST_ASKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.pause(None)).collect();
        assert!(pauses[0] >= FIRST / 2 && pauses[0] < FIRST * 3 / 2, "{pauses:?}");
        assert!(pauses[20..].iter().all(|pause| *pause >= LONGEST / 2 && *pause < LONGEST * 3 / 2));
        assert!(pauses[20..].iter().any(|pause| *pause != pauses[20]), "{pauses:?}");
    }

    #[test]
    fn what_is_asked_for_is_kept_to_within_reason() {
        let asked = |seconds| Backoff::default().pause(Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(1_000_000), MOST_ASKED);
    }
}
