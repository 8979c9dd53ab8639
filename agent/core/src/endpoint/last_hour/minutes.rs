//! Counts by minute, for the last hour.

/// The last 60 minutes and the current one.
pub const MINUTES: usize = 61;
const MINUTE_NS: u64 = 60_000_000_000;

/// The minute of a CLOCK_MONOTONIC reading.
pub fn minute(ns: u64) -> u64 {
    ns / MINUTE_NS
}

/// When a minute began, CLOCK_MONOTONIC ns.
pub fn begins_ns(minute: u64) -> u64 {
    minute.saturating_mul(MINUTE_NS)
}

/// `N` counts of each minute.
#[derive(Clone, Debug)]
pub struct Minutes<const N: usize> {
    newest: u64,
    slots: [[u32; N]; MINUTES],
}

impl<const N: usize> Minutes<N> {
    pub fn new(minute: u64) -> Self {
        Self { newest: minute, slots: [[0; N]; MINUTES] }
    }

    /// Counts `by` of the thing `what` in `minute`; what is older than an hour is not counted.
    pub fn add(&mut self, minute: u64, what: usize, by: u32) {
        self.turn(minute);
        if minute + MINUTES as u64 <= self.newest {
            return;
        }
        let slot = &mut self.slots[Self::slot(minute)][what];
        *slot = slot.saturating_add(by);
    }

    /// Takes back one of the thing `what`.
    pub fn take(&mut self, minute: u64, what: usize) {
        if minute <= self.newest && minute + MINUTES as u64 > self.newest {
            let slot = &mut self.slots[Self::slot(minute)][what];
            *slot = slot.saturating_sub(1);
        }
    }

    /// The minutes up to `now`, oldest first.
    pub fn up_to(&self, now: u64) -> impl Iterator<Item = [u32; N]> {
        (0..MINUTES as u64).rev().map(move |age| {
            let known = now
                .checked_sub(age)
                .filter(|&minute| minute <= self.newest && minute + MINUTES as u64 > self.newest);
            known.map_or([0; N], |minute| self.slots[Self::slot(minute)])
        })
    }

    /// Of the last hour, the count of `what`.
    pub fn sum(&self, now: u64, what: usize) -> u64 {
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
mod tests;
