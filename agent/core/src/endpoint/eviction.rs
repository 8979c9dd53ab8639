//! Endpoints that have not shown yet that there is anything to learn of them.
//!
//! A scan, or a client of ports that are used once, makes endpoints of one close each. They must not fill the table
//! until they are stale.

use std::collections::VecDeque;

use super::state::State;

/// An endpoint with fewer closes and fewer requests makes room.
const CLOSES: u64 = 3;
const REQUESTS: u64 = 100;
/// When it was not seen for so long.
const PATIENCE_NS: u64 = 60_000_000_000;
/// ProbationQueue that are looked at for one that wants in.
const LOOKS: usize = 4;

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
        state: impl Fn(&Key) -> Option<&'a State>,
    ) -> Option<Key> {
        for _ in 0..LOOKS {
            let key = self.0.pop_front()?;
            let Some(state) = state(&key).filter(|state| !is_established(state)) else { continue };
            if now_ns.saturating_sub(state.seen_ns) >= PATIENCE_NS {
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

fn is_established(state: &State) -> bool {
    state.closes >= CLOSES || state.started >= REQUESTS
}
