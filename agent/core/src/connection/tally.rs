//! Open connections by role and state, counted as they come, change and go: a scrape must not walk them all.

use super::entry::OpenState;
use crate::labels::Role;

/// What a connection counts as.
pub(super) type StateKey = (Role, OpenState);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally([[u64; OpenState::ALL.len()]; Role::ALL.len()]);

impl Tally {
    pub(super) fn enters(&mut self, (role, state): StateKey) {
        self.0[role as usize][state as usize] += 1;
    }

    pub(super) fn leaves(&mut self, (role, state): StateKey) {
        let count = &mut self.0[role as usize][state as usize];
        // It never wraps: a count that is wrong shows in the balance.
        *count = count.saturating_sub(1);
    }

    pub(super) fn moves(&mut self, from: StateKey, to: StateKey) {
        if from != to {
            self.leaves(from);
            self.enters(to);
        }
    }

    pub(super) fn get(&self, (role, state): StateKey) -> u64 {
        self.0[role as usize][state as usize]
    }
}
