//! Since when closes wait to be settled: what ended before has been handed over.

use std::collections::BTreeMap;

const SECOND_NS: u64 = 1_000_000_000;

/// Pending closes by the second in which they began: as many seconds as a close may take.
#[derive(Debug, Default)]
pub(super) struct Unsettled(BTreeMap<u64, u64>);

impl Unsettled {
    /// A close began at this time, CLOCK_MONOTONIC ns.
    pub(super) fn enters(&mut self, began_ns: u64) {
        *self.0.entry(began_ns / SECOND_NS).or_default() += 1;
    }

    /// It has been settled.
    pub(super) fn leaves(&mut self, began_ns: u64) {
        let second = began_ns / SECOND_NS;
        if let Some(count) = self.0.get_mut(&second) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&second);
            }
        }
    }

    /// Every close that began between `from_ns` and this has been settled; `None` where all have.
    pub(super) fn first_since(&self, from_ns: u64) -> Option<u64> {
        self.0.range(from_ns / SECOND_NS..).next().map(|(second, _)| (second * SECOND_NS).max(from_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_waits_is_known_until_it_is_settled() {
        let mut unsettled = Unsettled::default();
        assert_eq!(unsettled.first_since(0), None);
        for began in [7, 3, 3] {
            unsettled.enters(began * SECOND_NS + 500);
        }
        assert_eq!(unsettled.first_since(0), Some(3 * SECOND_NS));
        assert_eq!(unsettled.first_since(3 * SECOND_NS + 7), Some(3 * SECOND_NS + 7));
        assert_eq!(unsettled.first_since(4 * SECOND_NS), Some(7 * SECOND_NS), "older ones are not asked for");
        unsettled.leaves(3 * SECOND_NS + 500);
        assert_eq!(unsettled.first_since(0), Some(3 * SECOND_NS));
        unsettled.leaves(3 * SECOND_NS + 500);
        assert_eq!(unsettled.first_since(0), Some(7 * SECOND_NS));
        unsettled.leaves(7 * SECOND_NS + 500);
        assert!(unsettled.0.is_empty());
    }
}
