//! How many connections the HTTP tier reads, so that it keeps within the overhead budget: all of an endpoint's few, a share
//! of its many, and none where even that is too much.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use whohungup_core::connection::BUCKETS;

use crate::{
    metrics::{Reading, SAMPLED_PORTS},
    session::share_read,
};

/// Left to the HTTP tier even where the rest takes all of the budget.
const LEAST_ALLOWANCE: f64 = 0.25;
/// Of what would fit exactly: loads go up and down.
const AIM: f64 = 0.8;
/// More is read only when so much more would fit, and at most so much more at once.
const CLEARLY_MORE: f64 = 1.5;
const AT_ONCE: f64 = 2.0;
/// A port whose requests are hardly read any more seems to have none: what it had is forgotten slowly.
const FADES: f64 = 0.8;
/// Buckets of a port's connections that may be left out, of 256.
const MOST_LEFT_OUT: u8 = 255;
/// Readings in a row that are over, however much was left out: what is left out costs a look at each segment's ports too.
const IN_VAIN: u32 = 5;
/// How long nothing is read before it is tried again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(16);

/// What is to be done after a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// As it is.
    Keep,
    /// Of each port so many buckets of 256 are left out.
    LeaveOut(BTreeMap<u16, u8>),
    /// Nothing is read.
    Detach,
    /// Read again, and leave out so much.
    Attach(BTreeMap<u16, u8>),
}

#[derive(Debug)]
pub(super) struct Share {
    /// Requests and closes of each port that were counted when it was last asked.
    counted: HashMap<u16, u64>,
    /// What came between two readings, estimated where not all is read.
    loads: HashMap<u16, f64>,
    /// Readings in a row that left no room.
    in_vain: u32,
    /// Nothing is read until then.
    paused: Option<Instant>,
    pause: Duration,
    /// What is let go of can be attached again.
    may_detach: bool,
}

impl Default for Share {
    fn default() -> Self {
        Self {
            counted: HashMap::new(),
            loads: HashMap::new(),
            in_vain: 0,
            paused: None,
            pause: FIRST_PAUSE,
            may_detach: true,
        }
    }
}

impl Share {
    /// `is_over`: the budget has been exceeded for a while. `counts`: requests and closes of each port so far. `left_out`: as
    /// it is now.
    pub(super) fn note(
        &mut self,
        reading: &Reading,
        (budget, is_over): (f64, bool),
        (counts, left_out): (HashMap<u16, u64>, &BTreeMap<u16, u8>),
        now: Instant,
    ) -> Step {
        self.note_loads(counts, left_out);
        if let Some(until) = self.paused {
            if now < until {
                return Step::Keep;
            }
            // As little as can be, until a reading says that there is room.
            self.paused = None;
            return Step::Attach(left_out.clone());
        }
        if left_out.is_empty() && !is_over {
            return Step::Keep;
        }
        let rest = reading.programs - reading.http + reading.agent;
        let allowed = (budget - rest).max(budget * LEAST_ALLOWANCE);
        let room = allowed / reading.http.max(f64::EPSILON);
        let is_short = room < 1.0;
        self.in_vain = if is_short { self.in_vain + 1 } else { 0 };
        if !is_short && room < CLEARLY_MORE {
            return Step::Keep;
        }
        let wanted = self.fill(self.read(left_out) * (room * AIM).min(AT_ONCE));
        let is_same = wanted == *left_out;
        if (self.may_detach && self.in_vain >= IN_VAIN) || (is_short && is_same && !wanted.is_empty()) {
            return self.detach(now);
        }
        if is_same {
            return Step::Keep;
        }
        if !is_short {
            self.pause = FIRST_PAUSE;
        }
        Step::LeaveOut(wanted)
    }

    /// It could not be done.
    pub(super) fn has_failed(&mut self, step: &Step, now: Instant) {
        match step {
            Step::Detach => (self.paused, self.may_detach) = (None, false),
            Step::Attach(_) => self.paused = Some(now + LONGEST_PAUSE),
            Step::Keep | Step::LeaveOut(_) => {}
        }
    }

    fn detach(&mut self, now: Instant) -> Step {
        if !self.may_detach {
            return Step::Keep;
        }
        self.paused = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Step::Detach
    }

    /// What of the loads is read.
    fn read(&self, left_out: &BTreeMap<u16, u8>) -> f64 {
        self.loads.iter().map(|(port, load)| load * share_of(left_out, *port)).sum()
    }

    fn note_loads(&mut self, counts: HashMap<u16, u64>, left_out: &BTreeMap<u16, u8>) {
        for (&port, &count) in &counts {
            let new = count.saturating_sub(self.counted.get(&port).copied().unwrap_or(count)) as f64;
            let (share, load) = (share_of(left_out, port), self.loads.entry(port).or_default());
            *load = (new / share).max(*load * FADES);
        }
        self.loads.retain(|port, _| counts.contains_key(port));
        self.counted = counts;
    }

    /// Of the busiest ports no more than all get alike, so that together `wanted` is read.
    fn fill(&self, wanted: f64) -> BTreeMap<u16, u8> {
        let mut loads: Vec<(u16, f64)> = self.loads.iter().map(|(&port, &load)| (port, load)).collect();
        loads.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        let (mut rest, mut most) = (wanted, f64::INFINITY);
        for (at, &(_, load)) in loads.iter().enumerate() {
            let each = rest / (loads.len() - at) as f64;
            if load > each {
                most = each;
                break;
            }
            rest -= load;
        }
        let busiest = loads.iter().rev().take(SAMPLED_PORTS);
        busiest
            .filter(|(_, load)| *load > most)
            .map(|&(port, load)| (port, left_out(most / load)))
            .filter(|(_, left_out)| *left_out > 0)
            .collect()
    }
}

fn share_of(left_out: &BTreeMap<u16, u8>, port: u16) -> f64 {
    share_read(left_out.get(&port).copied().unwrap_or(0))
}

fn left_out(share: f64) -> u8 {
    ((1.0 - share) * f64::from(BUCKETS)).round().clamp(0.0, MOST_LEFT_OUT.into()) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: f64 = 0.02;

    fn reading(http: f64) -> Reading {
        Reading { programs: http + 0.001, agent: 0.001, http }
    }

    /// With what is left out, as it is said to.
    #[derive(Debug, Default)]
    struct Kept {
        share: Share,
        left_out: BTreeMap<u16, u8>,
    }

    impl Kept {
        fn note(&mut self, http: f64, is_over: bool, of: &[(u16, u64)], now: Instant) -> Step {
            let counts = of.iter().copied().collect();
            let step = self.share.note(&reading(http), (BUDGET, is_over), (counts, &self.left_out), now);
            if let Step::LeaveOut(left_out) | Step::Attach(left_out) = &step {
                self.left_out.clone_from(left_out);
            }
            step
        }

        fn share_of(&self, port: u16) -> f64 {
            share_of(&self.left_out, port)
        }
    }

    #[test]
    fn nothing_is_left_out_within_the_budget() {
        let mut kept = Kept::default();
        for round in 1..5 {
            let step = kept.note(0.5, false, &[(80, round * 1000)], Instant::now());
            assert_eq!(step, Step::Keep);
        }
        assert!(kept.left_out.is_empty());
    }

    #[test]
    fn of_an_endpoints_many_connections_a_share_is_read_and_of_the_others_all() {
        let mut kept = Kept::default();
        let now = Instant::now();
        kept.note(0.1, false, &[(80, 0), (5432, 0)], now);
        let step = kept.note(0.072, true, &[(80, 9900), (5432, 100)], now);
        // A quarter would fit, and four fifths of that are aimed at: 2,000 of 10,000, of which 100 are another's.
        let Step::LeaveOut(left_out) = step else { panic!("{step:?}") };
        assert_eq!(left_out.keys().copied().collect::<Vec<_>>(), [80]);
        assert!((kept.share_of(80) - 1900.0 / 9900.0).abs() < 0.01, "{left_out:?}");

        // It fits, and stays though its requests are hardly seen; with much room more is read, in steps.
        let seen = (9900.0 + 9900.0 * kept.share_of(80)) as u64;
        let step = kept.note(0.015, false, &[(80, seen), (5432, 200)], now);
        assert_eq!(step, Step::Keep);
        let mut steps = 0;
        while !kept.left_out.is_empty() {
            assert_ne!(kept.note(0.001, false, &[(80, seen), (5432, 200)], now), Step::Detach);
            steps += 1;
            assert!(steps < 20, "{kept:?}");
        }
        assert!(steps >= 2, "at once");
    }

    #[test]
    fn what_is_too_much_even_then_is_let_go_of_and_tried_again_ever_more_seldom() {
        let mut kept = Kept::default();
        let mut now = Instant::now();
        let mut total = 0;
        let mut next = |kept: &mut Kept, http: f64, now: Instant| {
            total += 100_000;
            kept.note(http, true, &[(80, total)], now)
        };
        next(&mut kept, 0.9, now);
        let mut steps = Vec::new();
        while steps.last() != Some(&Step::Detach) {
            steps.push(next(&mut kept, 0.9, now));
            assert!(steps.len() < 20, "{steps:?}");
        }
        for minutes in [1, 2, 4, 8, 16, 16] {
            let (nearly, pause) = (Duration::from_secs(60 * minutes - 1), Duration::from_mins(minutes));
            assert_eq!(next(&mut kept, 0.0, now + nearly), Step::Keep);
            now += pause;
            assert!(matches!(next(&mut kept, 0.0, now), Step::Attach(left_out) if left_out[&80] == 255));
            assert_eq!(next(&mut kept, 0.9, now), Step::Detach);
        }
        kept.share.has_failed(&Step::Detach, now);
        assert_eq!(next(&mut kept, 0.9, now), Step::Keep, "it is not tried again");
        assert_eq!(kept.left_out, [(80, 255)].into(), "and as little as can be is read");
    }
}
