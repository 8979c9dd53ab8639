//! Open connections by role and state, counted as they come, change and go: a scrape must not walk them all.

use super::connection::OpenState;
use crate::labels::Role;

/// What a connection counts as.
pub(super) type Standing = (Role, OpenState);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally([[u64; OpenState::ALL.len()]; Role::ALL.len()]);

impl Tally {
    pub(super) fn enters(&mut self, (role, state): Standing) {
        self.0[role as usize][state as usize] += 1;
    }

    pub(super) fn leaves(&mut self, (role, state): Standing) {
        let count = &mut self.0[role as usize][state as usize];
        // It never wraps: a count that is wrong shows in the balance.
        *count = count.saturating_sub(1);
    }

    pub(super) fn moves(&mut self, from: Standing, to: Standing) {
        if from != to {
            self.leaves(from);
            self.enters(to);
        }
    }

    pub(super) fn get(&self, (role, state): Standing) -> u64 {
        self.0[role as usize][state as usize]
    }
}
