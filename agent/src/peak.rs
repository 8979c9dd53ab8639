//! The most of something within the last minutes, whoever asks and however often.

/// For how long a peak is shown at least; at most twice as long.
const SPAN_NS: u64 = 60_000_000_000;

/// The largest value of the current minute and of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    current: u64,
    before: u64,
    turned_ns: u64,
}

impl Peak {
    /// Notes a value at `now_ns` (CLOCK_MONOTONIC).
    pub fn note(&mut self, value: u64, now_ns: u64) {
        self.turn(now_ns);
        self.current = self.current.max(value);
    }

    /// The largest value of the last one to two minutes.
    pub fn get(&mut self, now_ns: u64) -> u64 {
        self.turn(now_ns);
        self.current.max(self.before)
    }

    fn turn(&mut self, now_ns: u64) {
        let since = now_ns.saturating_sub(self.turned_ns);
        if since >= SPAN_NS {
            self.before = if since >= 2 * SPAN_NS { 0 } else { self.current };
            (self.current, self.turned_ns) = (0, now_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_shown_for_one_to_two_minutes_and_asking_does_not_take_it_away() {
        let second = 1_000_000_000;
        let mut peak = Peak::default();
        peak.note(7, 1000 * second);
        peak.note(3, 1001 * second);
        assert_eq!((peak.get(1002 * second), peak.get(1059 * second)), (7, 7));
        peak.note(2, 1061 * second);
        assert_eq!(peak.get(1100 * second), 7);
        assert_eq!(peak.get(1122 * second), 2);
        assert_eq!(peak.get(9999 * second), 0);
    }
}
