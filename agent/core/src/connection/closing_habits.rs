//! What processes mean when they shut down sending: some close in two steps (Java, Rust's hyper), others read on.
//!
//! If a server's FIN comes right behind, the socket alone does not tell the one from the other. How its process closes its
//! other connections does.

use crate::{
    close::{ClosingHabit, Facts, closing_habit, is_at_once},
    newest::NewestMap,
};

/// Processes that are remembered.
const KEPT: usize = 1024;

/// By process id.
#[derive(Debug, Default)]
pub(super) struct ClosingHabits(NewestMap<u32, ClosingHabit, KEPT>);

impl ClosingHabits {
    /// Takes in a close as it stands. The habit of its process, where that decides what it means.
    pub(super) fn note(&mut self, facts: &Facts) -> Option<ClosingHabit> {
        let process = facts.first.task.tgid;
        if process == 0 {
            return None;
        }
        if let Some(habit) = closing_habit(facts) {
            self.0.insert(process, habit);
        }
        if is_at_once(facts) { self.0.get(&process).copied() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut habits = ClosingHabits::default();
        for process in 1..3 * KEPT as u32 {
            habits.0.insert(process, ClosingHabit::TwoSteps);
        }
        assert_eq!(habits.0.values().len(), KEPT);
    }
}
