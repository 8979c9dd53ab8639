//! The last closes, with their evidence: of the whole host, and those in trouble of each endpoint.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use whohungup_core::{close::ClosedConnection, endpoint::EndpointKey};

/// Closes in trouble that are kept, and as many others: a flood of the one does not drive out the other.
pub const KEPT_EACH: usize = 100;
/// Of each endpoint so many in trouble are kept beside these: a flood at one does not drive out those of another.
const OF_ENDPOINT: usize = 8;
/// Of all endpoints together; beyond it the oldest goes, whosever it is.
const OF_ENDPOINTS: usize = 2048;

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
    of_endpoints: OfEndpoints,
    newest: u64,
    left_out: u64,
}

/// Closes in trouble by number, and the numbers of each endpoint, oldest first.
#[derive(Debug, Default)]
struct OfEndpoints {
    closes: BTreeMap<u64, Arc<KeptClose>>,
    numbers: HashMap<EndpointKey, VecDeque<u64>>,
}

impl Kept {
    /// Keeps a close whose evidence was put into words, and counts the others.
    pub(super) fn add(&mut self, closed: ClosedConnection) {
        if closed.evidence.is_empty() {
            self.left_out += 1;
            return;
        }
        self.newest += 1;
        let close = Arc::new(KeptClose { number: self.newest, close: closed });
        let is_trouble = close.close.verdict.is_trouble();
        if is_trouble {
            self.of_endpoints.add(&close);
        }
        let kept = if is_trouble { &mut self.trouble } else { &mut self.others };
        if kept.len() >= KEPT_EACH {
            kept.pop_front();
        }
        kept.push_back(close);
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
        all.extend(self.of_endpoints.closes.range(after + 1..).map(|(_, close)| Arc::clone(close)));
        all.sort_unstable_by_key(|close| std::cmp::Reverse(close.number));
        all.dedup_by_key(|close| close.number);
        all
    }
}

impl OfEndpoints {
    fn add(&mut self, close: &Arc<KeptClose>) {
        let numbers = self.numbers.entry(EndpointKey::of_close(&close.close)).or_default();
        numbers.push_back(close.number);
        if numbers.len() > OF_ENDPOINT {
            let oldest = numbers.pop_front();
            oldest.and_then(|number| self.closes.remove(&number));
        }
        self.closes.insert(close.number, Arc::clone(close));
        if self.closes.len() > OF_ENDPOINTS {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, oldest)) = self.closes.pop_first() else { return };
        let key = EndpointKey::of_close(&oldest.close);
        // The oldest of all is the oldest of its endpoint.
        let is_last = self.numbers.get_mut(&key).is_some_and(|numbers| {
            numbers.pop_front();
            numbers.is_empty()
        });
        if is_last {
            self.numbers.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::samples::{closed, raced};
    use whohungup_core::labels::{Race, Verdict};

    fn of_port(kept: &Kept, port: u16) -> usize {
        kept.after(0).iter().filter(|kept| kept.close.ends.local.port() == port).count()
    }

    #[test]
    fn a_flood_at_one_endpoint_leaves_the_evidence_of_another() {
        let mut kept = Kept::default();
        (0..20).for_each(|_| kept.add(raced(8080, "node", Race::Stale)));
        (0..1000).for_each(|_| kept.add(raced(9090, "java", Race::Stale)));
        (0..1000).for_each(|_| kept.add(closed(8080, "node", Verdict::ServerIdle)));
        let (node, java) = (of_port(&kept, 8080), of_port(&kept, 9090));
        assert_eq!((node, java), (OF_ENDPOINT + KEPT_EACH, KEPT_EACH));
        let after = kept.after(1020 - 8);
        assert!(after.windows(2).all(|two| two[0].number > two[1].number), "each once, newest first");
    }

    #[test]
    fn of_all_endpoints_together_no_more_than_the_limit_is_kept() {
        let mut kept = Kept::default();
        for port in 1..=1000 {
            (0..OF_ENDPOINT).for_each(|_| kept.add(raced(port, "node", Race::Stale)));
        }
        let OfEndpoints { closes, numbers } = &kept.of_endpoints;
        assert_eq!(closes.len(), OF_ENDPOINTS);
        assert_eq!(numbers.values().map(VecDeque::len).sum::<usize>(), OF_ENDPOINTS);
        assert_eq!(numbers.len(), OF_ENDPOINTS / OF_ENDPOINT);
    }
}
