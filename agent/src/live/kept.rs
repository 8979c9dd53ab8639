//! The last closes, with their evidence.

use std::{collections::VecDeque, sync::Arc};

use whohungup_core::close::ClosedConnection;

/// Closes in trouble that are kept, and as many others: a flood of the one does not drive out the other.
pub const KEPT_EACH: usize = 100;

/// A close that is kept.
#[derive(Debug)]
pub struct KeptClose {
    /// Counted from 1 over all that were kept.
    pub number: u64,
    pub close: ClosedConnection,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    trouble: VecDeque<Arc<KeptClose>>,
    others: VecDeque<Arc<KeptClose>>,
    newest: u64,
    left_out: u64,
}

impl Kept {
    /// Keeps a close whose evidence was put into words, and counts the others.
    pub(super) fn add(&mut self, closed: ClosedConnection) {
        if closed.evidence.is_empty() {
            self.left_out += 1;
            return;
        }
        self.newest += 1;
        let kept = if closed.verdict.is_trouble() { &mut self.trouble } else { &mut self.others };
        if kept.len() >= KEPT_EACH {
            kept.pop_front();
        }
        kept.push_back(Arc::new(KeptClose { number: self.newest, close: closed }));
    }

    /// The number of the newest; 0 when there is none.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Closes whose evidence was not put into words because too many came at once.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Those with a number above `after`, newest first.
    pub(super) fn after(&self, after: u64) -> Vec<Arc<KeptClose>> {
        let newer = |kept: &VecDeque<Arc<KeptClose>>| -> Vec<_> {
            kept.iter().rev().take_while(|close| close.number > after).map(Arc::clone).collect()
        };
        let mut all = newer(&self.trouble);
        all.extend(newer(&self.others));
        all.sort_unstable_by_key(|close| std::cmp::Reverse(close.number));
        all
    }
}
