//! What processes mean when they shut down sending: some close in two steps (Java, Rust's hyper), others read on.
//!
//! If a server's FIN comes right behind, the socket alone does not tell the one from the other. How its process closes its
//! other connections does.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::close::{ClosingHabit, Facts, closing_habit, is_at_once};

/// Processes that are remembered.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct ClosingHabits {
    processes: HashMap<u32, ClosingHabit>,
    /// Oldest first.
    order: VecDeque<u32>,
}

impl ClosingHabits {
    /// Takes in a close as it stands. The habit of its process, where that decides what it means.
    pub(super) fn note(&mut self, facts: &Facts) -> Option<ClosingHabit> {
        let process = facts.first.task.tgid;
        if process == 0 {
            return None;
        }
        if let Some(habit) = closing_habit(facts) {
            self.remember(process, habit);
        }
        if is_at_once(facts) { self.processes.get(&process).copied() } else { None }
    }

    fn remember(&mut self, process: u32, habit: ClosingHabit) {
        if self.processes.insert(process, habit).is_some() {
            return;
        }
        self.order.push_back(process);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.processes.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut habits = ClosingHabits::default();
        for process in 1..3 * KEPT as u32 {
            habits.remember(process, ClosingHabit::TwoSteps);
        }
        assert_eq!((habits.processes.len(), habits.order.len()), (KEPT, KEPT));
    }
}
