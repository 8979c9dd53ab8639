//! Lost requests: of one endpoint, and of all together, where the two ends of one connection count once.

use std::hash::{Hash as _, Hasher as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    close::{ClosedConnection, Loss, LossReason, loss},
    identity::Ends,
    labels::Role,
    newest::NewestMap,
};

/// Losses that are remembered until the other end reports them too.
pub const REMEMBERED: usize = 4096;
/// A late request amends a close up to 65 s later, and the same ports may come again after that.
pub(super) const SAME_NS: u64 = 70_000_000_000;

/// Requests that had no answer because their connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Losses {
    /// Lost, whatever the verdict.
    pub requests: u64,
    /// The same by reason, in the order of the reasons, those without any left out.
    pub by: Vec<(LossReason, u64)>,
    /// Of them, those that the client sent again and that were answered: no caller noticed.
    pub retried: u64,
    /// Of `by`, those that the other end on this host had not reported before.
    pub once: Vec<(LossReason, u64)>,
    /// Not among them: the client itself did not wait for the answer.
    pub given_up: u64,
    /// Of `given_up`, those that the other end on this host had not reported before.
    pub given_up_once: u64,
    /// When the newest was lost.
    pub last: Option<Timestamp>,
}

impl Losses {
    /// Adds what others lost; those that were seen from both ends count once.
    pub fn merge(&mut self, other: &Self) {
        for &(reason, count) in &other.by {
            self.requests = self.requests.saturating_add(count);
            add(&mut self.by, reason, count);
        }
        other.once.iter().for_each(|&(reason, count)| add(&mut self.once, reason, count));
        self.retried = self.retried.saturating_add(other.retried);
        self.given_up = self.given_up.saturating_add(other.given_up);
        self.given_up_once = self.given_up_once.saturating_add(other.given_up_once);
        self.last = self.last.max(other.last);
    }

    /// Those lost for one reason.
    pub fn count_of(&self, reason: LossReason) -> u64 {
        self.by.iter().find(|(known, _)| *known == reason).map_or(0, |(_, count)| *count)
    }

    /// The same without what the other end had reported before.
    #[must_use]
    pub fn counted_once(self) -> Self {
        let requests = self.once.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        let retried = self.retried.min(requests);
        Self { requests, by: self.once.clone(), retried, given_up: self.given_up_once, ..self }
    }
}

fn add(counts: &mut Vec<(LossReason, u64)>, reason: LossReason, count: u64) {
    match counts.binary_search_by_key(&reason, |(known, _)| *known) {
        Ok(place) => counts[place].1 = counts[place].1.saturating_add(count),
        Err(place) => counts.insert(place, (reason, count)),
    }
}

/// The same as it is kept of an endpoint, in few bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LossCounts {
    by: [u32; LossReason::ALL.len()],
    once: [u32; LossReason::ALL.len()],
    retried: u32,
    given_up: u32,
    given_up_once: u32,
    last: Option<Timestamp>,
}

impl LossCounts {
    /// Takes in a close; `counted` of its requests were not reported by the other end.
    pub(super) fn add(&mut self, closed: &ClosedConnection, counted: u32) {
        self.take(closed, loss(closed).map_or(0, |(_, requests)| requests), counted);
    }

    /// Takes in only those that the other end had not reported.
    pub(super) fn add_once(&mut self, closed: &ClosedConnection, counted: u32) {
        self.take(closed, counted, counted);
    }

    fn take(&mut self, closed: &ClosedConnection, requests: u32, once: u32) {
        match loss(closed) {
            None => {}
            Some((Loss::GivenUp, _)) => {
                raise(&mut self.given_up, requests);
                raise(&mut self.given_up_once, once);
            }
            Some((Loss::Lost(reason), _)) => {
                raise(&mut self.by[reason as usize], requests);
                raise(&mut self.once[reason as usize], once);
                raise(&mut self.retried, u32::from(requests > 0 && closed.retried == Some(true)));
                self.last = self.last.max(Some(closed.time));
            }
        }
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        self.by.iter_mut().zip(other.by).for_each(|(into, count)| raise(into, count));
        self.once.iter_mut().zip(other.once).for_each(|(into, count)| raise(into, count));
        raise(&mut self.retried, other.retried);
        raise(&mut self.given_up, other.given_up);
        raise(&mut self.given_up_once, other.given_up_once);
        self.last = self.last.max(other.last);
    }

    /// All but connects that were refused or never answered.
    pub(super) fn besides_connects(&self) -> u32 {
        let connects = [LossReason::Refused, LossReason::Network];
        let all = LossReason::ALL.iter().zip(self.by);
        all.filter(|(reason, _)| !connects.contains(reason)).map(|(_, count)| count).sum()
    }

    pub(super) fn shown(&self) -> Losses {
        let shown = |counts: [u32; LossReason::ALL.len()]| {
            let counts = LossReason::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
            counts.map(|(reason, count)| (*reason, u64::from(count))).collect::<Vec<_>>()
        };
        Losses {
            requests: self.by.iter().map(|&count| u64::from(count)).sum(),
            by: shown(self.by),
            once: shown(self.once),
            retried: self.retried.into(),
            given_up: self.given_up.into(),
            given_up_once: self.given_up_once.into(),
            last: self.last,
        }
    }
}

fn raise(count: &mut u32, by: u32) {
    *count = count.saturating_add(by);
}

/// Which losses the other end of a connection on this host has reported already.
#[derive(Debug, Default)]
pub(super) struct BothEnds(NewestMap<u64, Reported, REMEMBERED>);

#[derive(Clone, Copy, Debug)]
struct Reported {
    role: Role,
    at_ns: u64,
    requests: u32,
    by_both: bool,
}

impl BothEnds {
    /// Of the requests that this close left without an answer, those that the other end has not reported.
    pub(super) fn count(&mut self, closed: &ClosedConnection) -> u32 {
        let Some((_, requests)) = loss(closed) else { return 0 };
        if closed.role == Role::Unknown {
            return requests;
        }
        let key = connection(closed.role, closed.real_ends(), closed.netns);
        let reported = Reported { role: closed.role, at_ns: closed.at_ns, requests, by_both: false };
        if let Some(known) = self.0.get_mut(&key) {
            let is_other_end = !known.by_both && known.role != closed.role;
            if is_other_end && known.at_ns.abs_diff(closed.at_ns) <= SAME_NS {
                known.by_both = true;
                return requests.saturating_sub(known.requests);
            }
            *known = reported;
            return requests;
        }
        self.0.insert(key, reported);
        requests
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

/// The same number for both ends. Loopback addresses mean something in their own namespace only.
pub(super) fn connection(role: Role, ends: Ends, netns: u32) -> u64 {
    let (client, server) =
        if role == Role::Server { (ends.remote, ends.local) } else { (ends.local, ends.remote) };
    let mut hasher = std::hash::DefaultHasher::new();
    (client, server, if client.ip().is_loopback() { netns } else { 0 }).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        labels::{Closer, Race, Verdict},
        testing::raced,
    };

    fn ends() -> (ClosedConnection, ClosedConnection) {
        let server = raced(8080, "node", Race::Crossed);
        let mut client = server.clone();
        client.role = Role::Client;
        client.ends = server.ends.turned();
        (client, server)
    }

    #[test]
    fn both_ends_of_one_connection_count_once() {
        let (client, server) = ends();
        for (one, other) in [(&client, &server), (&server, &client)] {
            let mut both = BothEnds::default();
            assert_eq!((both.count(one), both.count(other)), (1, 0));
        }
        let mut elsewhere = server.clone();
        elsewhere.ends.remote.set_port(40001);
        let mut both = BothEnds::default();
        assert_eq!((both.count(&client), both.count(&elsewhere)), (1, 1));
    }

    #[test]
    fn the_same_ports_later_are_another_connection() {
        let (client, mut server) = ends();
        let mut both = BothEnds::default();
        assert_eq!(both.count(&client), 1);
        server.at_ns += SAME_NS + 1;
        assert_eq!(both.count(&server), 1);
        assert_eq!((both.count(&server), both.count(&server)), (1, 1), "one end reports a close once");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut both = BothEnds::default();
        let mut closed = raced(8080, "node", Race::Crossed);
        for port in 0..2 * REMEMBERED as u16 {
            closed.ends.remote.set_port(port);
            assert_eq!(both.count(&closed), 1);
        }
        assert!(both.0.values().len() <= REMEMBERED);
        assert!(both.bytes() < 400_000, "{}", both.bytes());
    }

    #[test]
    fn a_request_that_was_given_up_counts_once_too() {
        let (mut client, mut server) = ends();
        let (mut both, mut counts) = (BothEnds::default(), LossCounts::default());
        for end in [&mut client, &mut server] {
            (end.verdict, end.closer, end.race) = (Verdict::PrematureHangup, Closer::Client, None);
            counts.add(end, both.count(end));
        }
        let sum = counts.shown();
        assert_eq!((sum.given_up, sum.counted_once().given_up), (2, 1));
    }

    #[test]
    fn sums_keep_the_reasons_apart() {
        let mut counts = LossCounts::default();
        let (client, _) = ends();
        counts.add(&client, 1);
        let mut sum = counts.shown();
        sum.merge(&counts.shown());
        assert_eq!((sum.requests, sum.last), (2, Some(client.time)));
        assert_eq!((&sum.by, &sum.once), (&vec![(LossReason::IdleRace, 2)], &sum.by));
    }
}
