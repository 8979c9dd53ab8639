//! Clients whose close has two steps: they shut down sending, and then close (Java, Rust's hyper).
//!
//! If a server's FIN comes between the two, the socket alone does not tell such a client from one that only stopped sending.
//! How its process closes its other connections does.

use std::collections::VecDeque;

use hashbrown::HashSet;

use crate::close::{Facts, is_at_once, is_in_two_steps};

/// Processes that are remembered.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct TwoSteps {
    processes: HashSet<u32>,
    /// Oldest first.
    order: VecDeque<u32>,
}

impl TwoSteps {
    /// Takes in a close as it stands. True where how its process closes decides what it means.
    pub(super) fn note(&mut self, facts: &Facts) -> bool {
        let process = facts.first.task.tgid;
        if process == 0 {
            return false;
        }
        if is_in_two_steps(facts) {
            self.remember(process);
        }
        is_at_once(facts) && self.processes.contains(&process)
    }

    fn remember(&mut self, process: u32) {
        if !self.processes.insert(process) {
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
        let mut processes = TwoSteps::default();
        for process in 1..3 * KEPT as u32 {
            processes.remember(process);
        }
        assert_eq!((processes.processes.len(), processes.order.len()), (KEPT, KEPT));
    }
}
