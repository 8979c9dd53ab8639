//! Endpoints that have not shown yet that there is anything to learn of them.
//!
//! A scan, or a client of ports that are used once, makes endpoints of one close each. They must not fill the table
//! until they are stale.

use std::collections::VecDeque;

use super::state::State;
use crate::{
    close::{ClosedConnection, Loss, loss},
    labels::Verdict,
};

/// An endpoint with fewer closes and fewer requests makes room.
const CLOSES: u64 = 3;
const REQUESTS: u64 = 100;
/// When it was not seen for so long.
const PATIENCE_NS: u64 = 60_000_000_000;
/// ProbationQueue that are looked at for one that wants in.
const LOOKS: usize = 4;

/// What an endpoint shows that wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newcomer {
    /// A connect that failed.
    Failed,
    Usual,
    /// A request was lost.
    Losing,
}

impl Newcomer {
    pub(super) fn of(closed: &ClosedConnection) -> Self {
        match loss(closed) {
            _ if closed.verdict == Verdict::ConnectFailed => Self::Failed,
            Some((Loss::Lost(_), _)) => Self::Losing,
            _ => Self::Usual,
        }
    }
}

/// Keys in the order in which they came, each at most once.
#[derive(Debug)]
pub(super) struct ProbationQueue<Key>(VecDeque<Key>);

impl<Key: Copy + Eq> ProbationQueue<Key> {
    pub(super) const fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(super) fn push(&mut self, key: Key) {
        self.0.push_back(key);
    }

    /// One that can make room at `now_ns`, no longer on probation.
    pub(super) fn evict<'a>(
        &mut self,
        now_ns: u64,
        newcomer: Newcomer,
        state: impl Fn(&Key) -> Option<&'a State>,
    ) -> Option<Key> {
        for _ in 0..LOOKS {
            let key = self.0.pop_front()?;
            let Some(state) = state(&key).filter(|state| !is_established(state)) else { continue };
            let at_once = newcomer != Newcomer::Failed && has_only_failed(state);
            if at_once || now_ns.saturating_sub(state.seen_ns) >= PATIENCE_NS {
                return Some(key);
            }
            self.0.push_back(key);
        }
        None
    }

    /// Drops those that are gone or established.
    pub(super) fn retain<'a>(&mut self, state: impl Fn(&Key) -> Option<&'a State>) {
        self.0.retain(|key| state(key).is_some_and(|state| !is_established(state)));
        self.0.shrink_to(self.0.len() * 2);
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Key>()
    }
}

/// The endpoint that a request lost elsewhere may take the place of: one with failed connects only, or the one that was
/// not seen for longest. Never one that loses requests itself.
pub(super) fn least_worth<'a, Key: Copy>(all: impl Iterator<Item = (Key, &'a State)>) -> Option<Key> {
    let candidates = all.filter(|(_, state)| state.losses.besides_connects() == 0);
    candidates.min_by_key(|(_, state)| (!has_only_failed(state), state.seen_ns)).map(|(key, _)| key)
}

/// Nothing but connects that failed.
fn has_only_failed(state: &State) -> bool {
    let failed = state.verdicts[Verdict::ConnectFailed as usize];
    failed > 0 && failed == state.closes && state.started == 0
}

/// There is something to learn of it. Connects that fail teach nothing, however many there are.
fn is_established(state: &State) -> bool {
    let failed = state.verdicts[Verdict::ConnectFailed as usize];
    state.closes.saturating_sub(failed) >= CLOSES
        || state.started >= REQUESTS
        || state.losses.besides_connects() > 0
}
