//! Counts by minute, for the last hour.

/// The last 60 minutes and the one that has begun.
pub const MINUTES: usize = 61;
const MINUTE_NS: u64 = 60_000_000_000;

/// The minute of a CLOCK_MONOTONIC reading.
pub(super) fn minute(ns: u64) -> u64 {
    ns / MINUTE_NS
}

/// When a minute began, CLOCK_MONOTONIC ns.
pub(super) fn begins_ns(minute: u64) -> u64 {
    minute.saturating_mul(MINUTE_NS)
}

/// `N` counts of each minute.
#[derive(Clone, Debug)]
pub(super) struct Hour<const N: usize> {
    newest: u64,
    slots: [[u32; N]; MINUTES],
}

impl<const N: usize> Hour<N> {
    pub(super) fn new(minute: u64) -> Self {
        Self { newest: minute, slots: [[0; N]; MINUTES] }
    }

    /// Counts `by` of the thing `what` in `minute`; what is older than an hour is not counted.
    pub(super) fn add(&mut self, minute: u64, what: usize, by: u32) {
        self.turn(minute);
        if minute + MINUTES as u64 <= self.newest {
            return;
        }
        let slot = &mut self.slots[Self::slot(minute)][what];
        *slot = slot.saturating_add(by);
    }

    /// Takes back one of the thing `what`.
    pub(super) fn take(&mut self, minute: u64, what: usize) {
        if minute <= self.newest && minute + MINUTES as u64 > self.newest {
            let slot = &mut self.slots[Self::slot(minute)][what];
            *slot = slot.saturating_sub(1);
        }
    }

    /// The minutes up to `now`, oldest first.
    pub(super) fn up_to(&self, now: u64) -> impl Iterator<Item = [u32; N]> {
        (0..MINUTES as u64).rev().map(move |age| {
            let known = now
                .checked_sub(age)
                .filter(|&minute| minute <= self.newest && minute + MINUTES as u64 > self.newest);
            known.map_or([0; N], |minute| self.slots[Self::slot(minute)])
        })
    }

    /// Of the last hour, the count of `what`.
    pub(super) fn sum(&self, now: u64, what: usize) -> u64 {
        self.up_to(now).map(|slot| u64::from(slot[what])).sum()
    }

    /// Empties the minutes that have come since.
    fn turn(&mut self, minute: u64) {
        if minute <= self.newest {
            return;
        }
        let steps = (minute - self.newest).min(MINUTES as u64);
        for step in 0..steps {
            self.slots[Self::slot(minute - step)] = [0; N];
        }
        self.newest = minute;
    }

    fn slot(minute: u64) -> usize {
        (minute % MINUTES as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(hour: &Hour<1>, now: u64) -> Vec<u32> {
        hour.up_to(now).map(|[count]| count).collect()
    }

    #[test]
    fn each_minute_keeps_its_count_for_an_hour() {
        let mut hour = Hour::<1>::new(100);
        hour.add(100, 0, 2);
        hour.add(101, 0, 3);
        hour.add(100, 0, 1);
        let now = counts(&hour, 101);
        assert_eq!((now.len(), &now[59..], hour.sum(101, 0)), (MINUTES, &[3, 3][..], 6));
        assert_eq!(counts(&hour, 160)[..2], [3, 3]);
        assert_eq!((hour.sum(160, 0), hour.sum(161, 0), hour.sum(162, 0)), (6, 3, 0));
        assert_eq!(hour.sum(10_000, 0), 0, "long after the last");
    }

    #[test]
    fn minutes_without_a_close_are_empty_and_not_what_was_there_an_hour_before() {
        let mut hour = Hour::<1>::new(0);
        (0..61).for_each(|minute| hour.add(minute, 0, 1));
        hour.add(70, 0, 5);
        let now = counts(&hour, 70);
        assert_eq!(now[..51], [1; 51]);
        assert_eq!(now[51..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
        hour.add(1_000_000, 0, 1);
        assert_eq!(hour.sum(1_000_000, 0), 1);
    }

    #[test]
    fn what_comes_more_than_an_hour_late_is_not_counted() {
        let mut hour = Hour::<1>::new(200);
        hour.add(200, 0, 1);
        hour.add(139, 0, 7);
        assert_eq!(hour.sum(200, 0), 1);
        hour.add(140, 0, 7);
        assert_eq!(hour.sum(200, 0), 8);
    }
}
