//! All closes by one side in one phase on one clock: clusters of equal times, and what fits none.
//!
//! A sketch of fixed size. A value that fits no cluster waits among the newest loose ones; three that agree make a
//! cluster. So noise passes through the loose ones and cannot push out a cluster, and a timer that is changed shows
//! with its third close.

use super::{
    band::Band,
    cluster::{Cluster, ENOUGH, faded, tolerance},
    timers::TimerMatch,
};

pub(super) const CLUSTERS: usize = 5;
const LOOSE: usize = 16;
/// Nanoseconds to about a millisecond. A process that dies closes its connections within a tenth of one.
const MOMENT_BITS: u32 = 20;

/// A value that fits no cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loose {
    pub(super) seconds: f32,
    /// Number of its close in the series; 0 for an empty place.
    pub(super) at: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) clusters: [Option<Cluster>; CLUSTERS],
    pub(super) loose: [Loose; LOOSE],
    next: u8,
    /// Weight of the loose values, those forgotten included, as of the newest one.
    stray: f32,
    strayed: u32,
    pub(super) total: u32,
    /// When the newest close came, in [`MOMENT_BITS`].
    newest: u32,
    pub(super) band: Option<Band>,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            clusters: [None; CLUSTERS],
            loose: [Loose { seconds: 0.0, at: 0 }; LOOSE],
            next: 0,
            stray: 0.0,
            strayed: 0,
            total: 0,
            newest: 0,
            band: None,
        }
    }

    /// Takes in one close at `at_ns` (CLOCK_MONOTONIC); tells the timer that it shows together with those before it.
    /// Closes at the same moment are one: what ended them all may have been a process that died elsewhere.
    pub(super) fn add(&mut self, seconds: f32, at_ns: u64) -> Option<TimerMatch> {
        let moment = (at_ns >> MOMENT_BITS) as u32;
        let apart = moment.wrapping_sub(self.newest);
        if self.total > 0 && apart.min(apart.wrapping_neg()) <= 1 {
            // A timer that is polled ends all that it finds due at one look.
            if let Some(band) = &mut self.band {
                band.add_more(seconds);
            }
            return self.find(seconds);
        }
        self.newest = moment;
        // Counters that end one day must not stop: after four thousand million closes the numbers stand still.
        self.total = self.total.saturating_add(1);
        match &mut self.band {
            Some(band) => band.add(seconds),
            None => self.band = Some(Band::new(seconds)),
        }
        match self.nearest(seconds) {
            Some(at) => {
                if let Some(cluster) = &mut self.clusters[at] {
                    cluster.add(seconds, self.total);
                }
            }
            None => self.gather(seconds),
        }
        self.find(seconds)
    }

    /// Closes taken in.
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    /// No three of its closes agreed so far.
    pub(super) fn is_scattered(&self) -> bool {
        self.clusters.iter().all(Option::is_none)
    }

    pub(super) fn nearest(&self, seconds: f32) -> Option<usize> {
        let distances = self.clusters.iter().enumerate();
        let distances =
            distances.filter_map(|(at, cluster)| Some((at, cluster.as_ref()?.distance(seconds)?)));
        distances.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(at, _)| at)
    }

    /// Joins loose values that agree to a cluster, or keeps this one among them.
    fn gather(&mut self, seconds: f32) {
        let reach = tolerance(seconds);
        let agrees = |loose: &Loose| loose.at != 0 && (loose.seconds - seconds).abs() <= reach;
        let others = self.loose.iter().filter(|loose| agrees(loose)).count();
        if others + 1 < ENOUGH as usize {
            self.stray = self.stray_now() + 1.0;
            self.strayed = self.total;
            self.loose[usize::from(self.next)] = Loose { seconds, at: self.total };
            self.next = (self.next + 1) % LOOSE as u8;
            return;
        }
        // Oldest first: fading is counted from one close to the next.
        let mut found = [Loose { seconds, at: self.total }; LOOSE + 1];
        let mut len = 1;
        for loose in &mut self.loose {
            if agrees(loose) {
                found[len] = std::mem::replace(loose, Loose { seconds: 0.0, at: 0 });
                self.stray -= faded(self.strayed.saturating_sub(found[len].at));
                len += 1;
            }
        }
        self.stray = self.stray.max(0.0);
        let found = &mut found[..len];
        found.sort_unstable_by_key(|loose| loose.at);
        let mut cluster = Cluster::new(found[0].seconds, found[0].at);
        for loose in &found[1..] {
            cluster.add(loose.seconds, loose.at);
        }
        let now = self.total;
        let weakest = self.clusters.iter_mut().min_by(|one, other| {
            let weight = |place: &Option<Cluster>| place.as_ref().map_or(-1.0, |cluster| cluster.recent(now));
            weight(one).total_cmp(&weight(other))
        });
        if let Some(place) = weakest {
            *place = Some(cluster);
        }
    }

    /// Weight of the loose values now.
    pub(super) fn stray_now(&self) -> f32 {
        self.stray * faded(self.total.saturating_sub(self.strayed))
    }
}

#[cfg(test)]
mod tests;
