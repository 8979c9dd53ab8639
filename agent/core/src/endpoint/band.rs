//! Closes spread evenly over a band: a timer that is looked at only now and then.

use super::bins::Bins;

/// Closes that make a band.
const ENOUGH: u32 = 8;
/// Moments at which they came. A process that dies elsewhere makes one.
const LOOKS: u8 = 3;
/// From one end of a band to the other, at most: waitress closes at 120 to 150 s, Node refuses heads after 60 to 90.
const WIDEST: f32 = 1.5;
/// Seconds. Timers that are polled are coarse; below this a spread is one of work, not of a timer.
const SHORTEST: f32 = 1.0;
/// Closes outside, one after another, after which the band begins anew.
const MISSES: u8 = 3;
/// One outside among this many inside is an accident.
const RARE: u32 = 10;
/// From the least to the most of one timer that is not polled.
const JITTER: f32 = 1.05;

/// Spread wider than a timer jitters.
pub(super) fn is_polled(least: f32, most: f32) -> bool {
    most > least * JITTER
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Band {
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) count: u32,
    outside: u32,
    /// Of those, the newest ones without one inside between.
    misses: u8,
    /// Moments at which those inside came, as far as it goes.
    looks: u8,
    pub(super) bins: Bins,
}

impl Band {
    pub(super) fn new(value: f32) -> Self {
        Self { least: value, most: value, count: 1, looks: 1, outside: 0, misses: 0, bins: Bins::new(value) }
    }

    pub(super) fn add(&mut self, value: f32) {
        let (least, most) = (self.least.min(value), self.most.max(value));
        if most <= least * WIDEST {
            (self.least, self.most, self.misses) = (least, most, 0);
            self.count = self.count.saturating_add(1);
            self.looks = self.looks.saturating_add(1);
            self.bins.add(value);
            return;
        }
        self.misses += 1;
        self.outside = self.outside.saturating_add(1);
        if self.misses >= MISSES || self.outside > self.count {
            *self = Self::new(value);
        }
    }

    /// One more at the same moment as the one before. What does not fit says nothing: it may be another timer's.
    pub(super) fn add_more(&mut self, value: f32) {
        let (least, most) = (self.least.min(value), self.most.max(value));
        if most <= least * WIDEST {
            (self.least, self.most) = (least, most);
            self.count = self.count.saturating_add(1);
            self.bins.add(value);
        }
    }

    /// Enough closes, at enough moments, and hardly one outside.
    pub(super) fn is_visible(&self) -> bool {
        self.count >= ENOUGH
            && self.looks >= LOOKS
            && self.least >= SHORTEST
            && self.outside.saturating_mul(RARE) <= self.count
    }

    /// Of the closes since the band began, those inside.
    pub(super) fn share(&self) -> f32 {
        self.count as f32 / self.count.saturating_add(self.outside) as f32
    }

    /// What a timer that is polled is set to, about; the middle of one that jitters.
    pub(super) fn seconds(&self) -> f32 {
        if is_polled(self.least, self.most) { self.least } else { self.least.midpoint(self.most) }
    }

    pub(super) fn holds(&self, value: f32) -> bool {
        (self.least..=self.most).contains(&value)
    }
}
