//! Everything that is counted of one endpoint.

use super::histogram::{GAP_BOUNDS, Histogram, IDLE_BOUNDS, REQUEST_BOUNDS};
use whohungup_core::{
    close::ClosedConnection,
    connection::RequestDelta,
    identity::Ends,
    labels::{Basis, Cause, CloseType, Closer, Race, Verdict},
};

/// Combinations of verdict, closer, cause and how that are told apart; of later ones cause and how are `other`.
const COMBINATIONS: usize = 32;
/// Label sets of an endpoint's closes at most.
pub(super) const CLOSE_SETS: usize = COMBINATIONS + Verdict::ALL.len() * Closer::ALL.len();
/// Whose closes show after how much idle time they came: something's timer may have been the reason.
pub(super) const IDLE_CLOSERS: [Closer; 4] = [Closer::Client, Closer::Server, Closer::Both, Closer::Network];
/// What requests were read from.
pub(super) const REQUEST_BASES: [Basis; 2] = [Basis::Http, Basis::Inferred];

#[derive(Clone, Debug)]
pub(super) struct Series {
    closes: Vec<(Combination, u64)>,
    pub(super) races: [Hurt; Race::ALL.len()],
    /// Premature hang-ups.
    pub(super) hangups: [Hurt; Closer::ALL.len()],
    pub(super) idle: [Option<Histogram>; IDLE_CLOSERS.len()],
    pub(super) requests_each: Histogram,
    pub(super) requests: [Option<Box<RequestCounts>>; REQUEST_BASES.len()],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Combination {
    verdict: Verdict,
    closer: Closer,
    rest: Option<(Cause, CloseType)>,
}

/// The labels of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CloseWords {
    pub(super) verdict: &'static str,
    pub(super) closer: &'static str,
    pub(super) cause: &'static str,
    pub(super) close_type: &'static str,
}

/// How often something happened that cost somebody a request, and to whom last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hurt {
    pub(super) count: u64,
    /// The ends, and CLOCK_MONOTONIC ns.
    pub(super) newest: Option<(Ends, u64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct RequestCounts {
    pub(super) begun: u64,
    pub(super) answered: u64,
    pub(super) reuses: u64,
    pub(super) unanswered: [u64; Verdict::ALL.len()],
    /// Made with the first re-use: most endpoints that are only seen from outside have none.
    pub(super) gaps: Option<Histogram>,
    /// Seconds.
    pub(super) longest_gap: f64,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            closes: Vec::new(),
            races: Default::default(),
            hangups: Default::default(),
            idle: Default::default(),
            requests_each: Histogram::new(&REQUEST_BOUNDS),
            requests: Default::default(),
        }
    }

    /// Counts a settled close; of one that amends only what it adds.
    pub(super) fn close(&mut self, closed: &ClosedConnection, tick: f64) {
        let close = closed;
        if let Some(requests) = &closed.uncounted {
            self.count(requests, tick);
            self.lose(requests, close.verdict);
        }
        if let Some(race) = close.race {
            self.races[race as usize].add(closed);
        }
        if closed.amends {
            return;
        }
        self.count_close(close);
        if close.verdict == Verdict::PrematureHangup {
            self.hangups[close.closer as usize].add(closed);
        }
        let place = IDLE_CLOSERS.iter().position(|&closer| closer == close.closer);
        if let (Some(idle), Some(place)) = (close.idle, place) {
            self.idle[place].get_or_insert_with(|| Histogram::new(&IDLE_BOUNDS)).observe(idle);
        }
        if let Some(requests) = close.requests {
            self.requests_each.observe(f64::from(requests));
        }
    }

    /// Counts requests; `tick` is the length of the kernel's clock tick in seconds.
    pub(super) fn count(&mut self, requests: &RequestDelta, tick: f64) {
        let RequestDelta { begun, answered, reused, short_gaps, long_gap, .. } = *requests;
        if begun == 0 && answered == 0 && reused == 0 {
            return;
        }
        let Some(counts) = self.of_basis(requests.basis) else { return };
        counts.begun += u64::from(begun);
        counts.answered += u64::from(answered);
        counts.reuses += u64::from(reused);
        if reused == 0 {
            return;
        }
        let gaps = counts.gaps.get_or_insert_with(|| Histogram::new(gap_bounds(tick)));
        // Too short to be told by itself: in the first bucket, whichever that is.
        gaps.count(0.0, u64::from(short_gaps));
        if let Some(gap) = long_gap {
            gaps.observe(gap);
            counts.longest_gap = counts.longest_gap.max(gap);
        }
    }

    /// By verdict, closer, cause and close_type, in the order of the words.
    pub(super) fn closes(&self) -> Vec<(CloseWords, u64)> {
        let mut all: Vec<_> = self.closes.iter().map(|(close, count)| (close.words(), *count)).collect();
        all.sort_unstable();
        all
    }

    fn count_close(&mut self, close: &ClosedConnection) {
        let mut close = Combination {
            verdict: close.verdict,
            closer: close.closer,
            rest: Some((close.cause, close.close_type)),
        };
        let known = |closes: &[(Combination, u64)], close| closes.iter().position(|(one, _)| *one == close);
        let mut place = known(&self.closes, close);
        if place.is_none() && self.closes.len() >= COMBINATIONS {
            close.rest = None;
            place = known(&self.closes, close);
        }
        match place {
            Some(place) => self.closes[place].1 += 1,
            None => self.closes.push((close, 1)),
        }
    }

    /// Counts requests that were open when their connection ended.
    fn lose(&mut self, requests: &RequestDelta, verdict: Verdict) {
        if requests.unanswered > 0
            && let Some(counts) = self.of_basis(requests.basis)
        {
            counts.unanswered[verdict as usize] += u64::from(requests.unanswered);
        }
    }

    fn of_basis(&mut self, basis: Basis) -> Option<&mut RequestCounts> {
        let place = REQUEST_BASES.iter().position(|&known| known == basis)?;
        Some(self.requests[place].get_or_insert_default())
    }
}

impl Combination {
    fn words(self) -> CloseWords {
        let (cause, close_type) =
            self.rest.map_or((OTHER, OTHER), |(cause, close_type)| (cause.as_str(), close_type.as_str()));
        CloseWords { verdict: self.verdict.as_str(), closer: self.closer.as_str(), cause, close_type }
    }
}

/// The word for what is over a bound.
pub(super) const OTHER: &str = "other";

impl Hurt {
    fn add(&mut self, closed: &ClosedConnection) {
        self.count += 1;
        self.newest = Some((closed.ends, closed.at_ns));
    }
}

/// No bucket ends below the gaps that are too short to be told.
fn gap_bounds(tick: f64) -> &'static [f64] {
    let longest_untold = f64::from(whohungup_ebpf::framing::LONG_GAP_TICKS - 1) * tick;
    let first = GAP_BOUNDS.partition_point(|&bound| bound <= longest_untold);
    &GAP_BOUNDS[first..]
}
