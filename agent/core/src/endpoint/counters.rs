//! Everything that is counted of one endpoint for the metrics.

use crate::{
    close::{ClosedConnection, RequestDelta},
    histogram::BucketHistogram,
    identity::Ends,
    labels::{Basis, Cause, CloseType, Closer, Race, Verdict},
};

/// Seconds. Default timeouts fall into narrow buckets of their own (docs/timeouts.md): a timer fires no sooner than it is
/// set to and mostly within a few per cent after it, so each has a bound just above, and one just below unless the bound of
/// the timeout before it serves for that.
pub const IDLE_BOUNDS: [f64; 34] = [
    0.5, 1.3, 2.3, 3.3, 4.3, 4.95, 5.3, 6.3, 9.9, 10.5, 14.9, 15.5, 19.9, 20.6, 29.5, 31.0, 44.5, 46.0, 59.5,
    61.5, 66.5, 76.5, 92.0, 119.0, 122.0, 179.0, 183.0, 299.0, 304.0, 354.0, 599.0, 611.0, 3590.0, 3660.0,
];
/// Of these, one above each of the usual default timeouts, and no more.
pub const COARSE_IDLE_BOUNDS: [f64; 10] = [1.3, 5.3, 10.5, 15.5, 31.0, 61.5, 76.5, 122.0, 304.0, 611.0];
/// Seconds: where default timeouts of servers, clients and load balancers lie.
pub const GAP_BOUNDS: [f64; 15] =
    [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 65.0, 75.0, 120.0, 300.0, 600.0, 3600.0];
pub const COARSE_GAP_BOUNDS: [f64; 8] = [1.0, 5.0, 15.0, 30.0, 60.0, 75.0, 120.0, 300.0];
pub const REQUEST_BOUNDS: [f64; 6] = [0.0, 1.0, 2.0, 10.0, 100.0, 1000.0];
/// Whether connections are reused at all, and whether much.
pub const COARSE_REQUEST_BOUNDS: [f64; 3] = [1.0, 10.0, 100.0];

/// Combinations of verdict, closer, cause and close type that are kept apart; later ones have `other` for the last two.
const CLOSE_KEYS: usize = 32;
/// Label sets of an endpoint's closes at most.
pub const CLOSE_SETS: usize = CLOSE_KEYS + Verdict::ALL.len() * Closer::ALL.len();
/// Whose closes show after how much idle time they came: something's timer may have been the reason.
pub const IDLE_CLOSERS: [Closer; 4] = [Closer::Client, Closer::Server, Closer::Both, Closer::Network];
/// What requests were read from.
pub const REQUEST_BASES: [Basis; 3] = [Basis::Http, Basis::Protocol, Basis::Inferred];

/// What an [`Arc`](std::sync::Arc) of them takes.
const SHARED: usize = size_of::<Counters>() + 2 * size_of::<usize>();
/// What they hold at most, bytes, without native histograms; a list doubles when it is full.
pub(super) const MOST_BYTES: usize = SHARED
    + CLOSE_SETS.next_power_of_two() * size_of::<(CloseKey, u64)>()
    + REQUEST_BASES.len() * (size_of::<RequestCounts>() + (GAP_BOUNDS.len() + 1) * size_of::<u64>())
    + IDLE_CLOSERS.len() * (IDLE_BOUNDS.len() + 1) * size_of::<u64>()
    + (REQUEST_BOUNDS.len() + 1) * size_of::<u64>();

/// How values are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Seconds: the kernel's clock tick.
    pub(super) tick: f64,
    /// In the buckets of native histograms too.
    pub(super) native: bool,
}

/// Counts of closes and requests, each a series or a few of the metrics.
#[derive(Clone, Debug)]
pub struct Counters {
    closes: Vec<(CloseKey, u64)>,
    pub races: [CounterWithExemplar; Race::ALL.len()],
    /// Premature hang-ups.
    pub hangups: [CounterWithExemplar; Closer::ALL.len()],
    pub idle: [Option<BucketHistogram>; IDLE_CLOSERS.len()],
    pub requests_each: BucketHistogram,
    pub requests: [Option<Box<RequestCounts>>; REQUEST_BASES.len()],
    /// Processes that stopped listening there.
    pub shutdowns: u64,
    /// Requests that it cost, and refused connects.
    pub shutdown_lost: [u64; ShutdownLoss::ALL.len()],
}

crate::label_set! {
    /// How a request was lost to a shutdown.
    pub enum ShutdownLoss {
        /// Its connection was closed in flight.
        InFlight,
        /// It met the close of an idle connection.
        IdleRace,
        /// The connect was refused.
        Refused,
    }
}

/// What is counted of shutdowns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownCount {
    /// A process stopped listening; `told` to by a signal.
    Stopped {
        signalled: bool,
    },
    Lost(ShutdownLoss, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CloseKey {
    verdict: Verdict,
    closer: Closer,
    rest: Option<(Cause, CloseType)>,
}

/// The labels of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CloseLabels {
    pub verdict: &'static str,
    pub closer: &'static str,
    pub cause: &'static str,
    pub close_type: &'static str,
}

/// How often something happened that cost somebody a request, and to whom last.
#[derive(Clone, Copy, Debug, Default)]
pub struct CounterWithExemplar {
    pub count: u64,
    /// The ends, and CLOCK_MONOTONIC ns.
    pub newest: Option<(Ends, u64)>,
}

#[derive(Clone, Debug, Default)]
pub struct RequestCounts {
    pub started: u64,
    pub completed: u64,
    pub reuses: u64,
    /// Of the reuses, those that came too soon to be timed.
    pub short_gaps: u64,
    pub unanswered: [u64; Verdict::ALL.len()],
    /// Those that were timed. Made with the first of them: most endpoints have none.
    pub gaps: Option<BucketHistogram>,
    /// Seconds.
    pub longest_gap: f64,
}

impl Counters {
    fn new() -> Self {
        Self {
            closes: Vec::new(),
            races: Default::default(),
            hangups: Default::default(),
            idle: Default::default(),
            requests_each: BucketHistogram::new(&REQUEST_BOUNDS),
            requests: Default::default(),
            shutdowns: 0,
            shutdown_lost: Default::default(),
        }
    }

    /// Adds what was counted of another endpoint that has the same labels.
    pub fn absorb(&mut self, other: &Self) {
        for &(close, count) in &other.closes {
            self.add_closes(close, count);
        }
        self.races.iter_mut().zip(&other.races).for_each(|(into, other)| into.absorb(other));
        self.hangups.iter_mut().zip(&other.hangups).for_each(|(into, other)| into.absorb(other));
        for (into, other) in self.idle.iter_mut().zip(&other.idle) {
            absorb(into, other.as_ref(), BucketHistogram::absorb);
        }
        self.requests_each.absorb(&other.requests_each);
        self.shutdowns += other.shutdowns;
        self.shutdown_lost.iter_mut().zip(other.shutdown_lost).for_each(|(into, count)| *into += count);
        for (into, other) in self.requests.iter_mut().zip(&other.requests) {
            absorb(into, other.as_ref(), |into, other| into.absorb(other));
        }
    }

    /// Counts a settled close; of one that amends only what it adds.
    pub(super) fn close(&mut self, closed: &ClosedConnection, scale: Scale) {
        let close = closed;
        if let Some(requests) = &closed.uncounted {
            self.count(requests, scale);
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
            let times = self.idle[place].get_or_insert_with(|| BucketHistogram::new(&IDLE_BOUNDS));
            times.observe_with_native(idle, scale.native);
        }
        if let Some(requests) = close.requests {
            self.requests_each.observe_with_native(f64::from(requests), scale.native);
        }
    }

    pub(super) fn count(&mut self, requests: &RequestDelta, scale: Scale) {
        let RequestDelta { begun, answered, reused, short_gaps, long_gap, .. } = *requests;
        if begun == 0 && answered == 0 && reused == 0 {
            return;
        }
        let Some(counts) = self.of_basis(requests.basis) else { return };
        counts.started += u64::from(begun);
        counts.completed += u64::from(answered);
        counts.reuses += u64::from(reused);
        counts.short_gaps += u64::from(short_gaps);
        if let Some(gap) = long_gap {
            let gaps = counts.gaps.get_or_insert_with(|| BucketHistogram::new(gap_bounds(scale.tick)));
            gaps.observe_with_native(gap, scale.native);
            counts.longest_gap = counts.longest_gap.max(gap);
        }
    }

    /// All that it holds.
    pub(super) fn bytes(&self) -> usize {
        let requests = self.requests.iter().flatten();
        let gaps = requests.clone().filter_map(|requests| requests.gaps.as_ref());
        let histograms = self.idle.iter().flatten().chain([&self.requests_each]).chain(gaps);
        SHARED
            + self.closes.capacity() * size_of::<(CloseKey, u64)>()
            + requests.count() * size_of::<RequestCounts>()
            + histograms.map(BucketHistogram::heap_bytes).sum::<usize>()
    }

    /// Whether requests were counted: only then one can be lost.
    pub fn has_requests(&self) -> bool {
        self.requests.iter().any(Option::is_some)
    }

    /// Requests started, and closes.
    pub(super) fn load(&self) -> u64 {
        let started = self.requests.iter().flatten().map(|requests| requests.started);
        started.chain(self.closes.iter().map(|(_, count)| *count)).sum()
    }

    /// By verdict, closer, cause and close_type, in the order of the words.
    pub fn closes(&self) -> Vec<(CloseLabels, u64)> {
        let mut all: Vec<_> = self.closes.iter().map(|(close, count)| (close.labels(), *count)).collect();
        all.sort_unstable();
        all
    }

    fn count_close(&mut self, close: &ClosedConnection) {
        let rest = Some((close.cause, close.close_type));
        self.add_closes(CloseKey { verdict: close.verdict, closer: close.closer, rest }, 1);
    }

    fn add_closes(&mut self, mut close: CloseKey, count: u64) {
        let known = |closes: &[(CloseKey, u64)], close| closes.iter().position(|(one, _)| *one == close);
        let mut place = known(&self.closes, close);
        if place.is_none() && self.closes.len() >= CLOSE_KEYS {
            close.rest = None;
            place = known(&self.closes, close);
        }
        match place {
            Some(place) => self.closes[place].1 += count,
            None => self.closes.push((close, count)),
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

impl RequestCounts {
    fn absorb(&mut self, other: &Self) {
        self.started += other.started;
        self.completed += other.completed;
        self.reuses += other.reuses;
        self.short_gaps += other.short_gaps;
        self.unanswered.iter_mut().zip(other.unanswered).for_each(|(into, count)| *into += count);
        absorb(&mut self.gaps, other.gaps.as_ref(), BucketHistogram::absorb);
        self.longest_gap = self.longest_gap.max(other.longest_gap);
    }
}

fn absorb<T: Clone>(into: &mut Option<T>, other: Option<&T>, add: impl Fn(&mut T, &T)) {
    match (into.as_mut(), other) {
        (Some(into), Some(other)) => add(into, other),
        (None, Some(other)) => *into = Some(other.clone()),
        (_, None) => {}
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl CloseKey {
    fn labels(self) -> CloseLabels {
        let (cause, close_type) =
            self.rest.map_or((OTHER, OTHER), |(cause, close_type)| (cause.as_str(), close_type.as_str()));
        CloseLabels { verdict: self.verdict.as_str(), closer: self.closer.as_str(), cause, close_type }
    }
}

/// The word for what is over a bound.
pub const OTHER: &str = "other";

impl CounterWithExemplar {
    fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.newest = self.newest.into_iter().chain(other.newest).max_by_key(|(_, at_ns)| *at_ns);
    }

    fn add(&mut self, closed: &ClosedConnection) {
        self.count += 1;
        self.newest = Some((closed.ends, closed.at_ns));
    }
}

/// Buckets that end below the shortest gap that is timed would always be empty.
fn gap_bounds(tick: f64) -> &'static [f64] {
    let longest_untimed = f64::from(whohungup_ebpf::framing::LONG_GAP_TICKS - 1) * tick;
    let first = GAP_BOUNDS.partition_point(|&bound| bound <= longest_untimed);
    &GAP_BOUNDS[first..]
}

#[cfg(test)]
mod tests;
