//! What many closes show of a connection whose ends are both on this host: the end that is reported first decides it, and
//! that is the end which closed.
//!
//! Each end belongs to an endpoint of its own, with other closes beside it: a client that keeps connections to three
//! servers sees the timers of all three, each server only its own, and a program that has just begun sees none yet.

use super::losses::{REMEMBERED, SAME_NS, connection};
use crate::{
    close::ClosedConnection,
    labels::{Cause, Closer, Confidence, Race, Role, Verdict},
    newest::NewestMap,
};

/// What was found at one end.
#[derive(Clone, Debug)]
pub(super) struct Found {
    role: Role,
    at_ns: u64,
    closer: Closer,
    /// As the probes had it.
    before: (Verdict, Cause),
    /// As the other closes of the endpoint had it.
    verdict: Verdict,
    race: Option<Race>,
    confidence: Confidence,
    cause: Cause,
    words: Vec<String>,
}

impl Found {
    /// The other end of the connection has the same verdict.
    pub(super) fn give_verdict(&self, closed: &mut ClosedConnection) {
        let before = self.before.0;
        if closed.closer == self.closer && self.verdict != before && closed.verdict == before {
            (closed.verdict, closed.race, closed.confidence) = (self.verdict, self.race, self.confidence);
        }
    }

    /// And the same cause, and none of its own.
    pub(super) fn give_cause(&self, closed: &mut ClosedConnection, evidence: bool) {
        let cause = self.before.1;
        if closed.closer != self.closer {
            return;
        }
        if self.cause != cause && (closed.cause == cause || closed.cause == Cause::Unknown) {
            closed.cause = self.cause;
        }
        if evidence {
            closed.evidence.extend(self.words.iter().cloned());
        }
    }
}

/// Of the newest connections, what the end that came first found.
#[derive(Debug, Default)]
pub(super) struct SharedCauses(NewestMap<u64, Box<Found>, REMEMBERED>);

impl SharedCauses {
    /// What the other end of the connection found, or this one before it was amended.
    pub(super) fn of(&self, closed: &ClosedConnection) -> Option<&Found> {
        let known: &Found = self.0.get(&key(closed)?)?;
        let is_same = known.at_ns.abs_diff(closed.at_ns) <= SAME_NS;
        (is_same && (known.role != closed.role || closed.amends)).then_some(known)
    }

    /// Keeps what was found of a close that had been `before`.
    pub(super) fn keep(
        &mut self,
        before: (Verdict, Cause),
        closed: &ClosedConnection,
        words: impl Iterator<Item = String>,
    ) {
        let Some(key) = key(closed) else { return };
        let found = Found {
            role: closed.role,
            at_ns: closed.at_ns,
            closer: closed.closer,
            before,
            verdict: closed.verdict,
            race: closed.race,
            confidence: closed.confidence,
            cause: closed.cause,
            words: words.collect(),
        };
        self.0.insert(key, Box::new(found));
    }

    pub(super) fn bytes(&self) -> usize {
        let found = self.0.values();
        let boxes = found.len() * size_of::<Found>();
        let words: usize = found.flat_map(|found| &found.words).map(String::capacity).sum();
        self.0.heap_bytes() + boxes + words
    }
}

/// `None` where the other end is not on this host.
fn key(closed: &ClosedConnection) -> Option<u64> {
    let has_peer = closed.peer.is_some() && closed.role != Role::Unknown;
    has_peer.then(|| connection(closed.role, closed.real_ends(), closed.netns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        close::Peer,
        endpoint::{
            Endpoints, InferLimits,
            sample::{TICK, idle, in_flight, name},
        },
        identity::Process,
        labels::{CloseType, Phase, Side},
    };

    const LOCAL_PEER: Peer = Peer { process: None, workload: None, address: None };

    /// The two ends of a connection from `port`, the server's first.
    fn ends(port: u16, mut server: ClosedConnection) -> [ClosedConnection; 2] {
        server.ends.remote.set_port(port);
        server.peer = Some(LOCAL_PEER);
        let client = ClosedConnection {
            role: Role::Client,
            ends: server.ends.turned(),
            process: Some(Process { pid: Some(8), comm: name("pool") }),
            ..server.clone()
        };
        [server, client]
    }

    fn causes(endpoints: &mut Endpoints, closes: &mut [ClosedConnection]) -> Vec<Cause> {
        let shown = |closed: &mut ClosedConnection| {
            endpoints.close(closed, true);
            closed.cause
        };
        closes.iter_mut().map(shown).collect()
    }

    #[test]
    fn an_end_takes_over_the_timer_that_the_closers_end_shows() {
        let mut endpoints = Endpoints::new(InferLimits::default(), TICK);
        // Others have shown the server's timer; the client has only just begun.
        for _ in 0..3 {
            endpoints.close(&mut idle(Side::Server, 5.0), false);
        }
        let mut both = ends(40001, idle(Side::Server, 5.0));
        assert_eq!(causes(&mut endpoints, &mut both), [Cause::KeepaliveTimer; 2]);
        assert_eq!(both[0].evidence, both[1].evidence);
    }

    #[test]
    fn an_end_that_sees_a_cluster_where_the_closers_sees_none_says_nothing() {
        let mut endpoints = Endpoints::new(InferLimits::default(), TICK);
        for port in 0..3 {
            // The same client at servers that only answered slowly.
            let [_, mut client] = ends(41000 + port, idle(Side::Server, 2.0));
            client.peer = None;
            endpoints.close(&mut client, false);
        }
        let mut both = ends(40001, idle(Side::Server, 2.0));
        assert_eq!(causes(&mut endpoints, &mut both), [Cause::Unknown; 2]);
    }

    #[test]
    fn another_connection_with_the_same_ports_is_another() {
        let mut endpoints = Endpoints::new(InferLimits::default(), TICK);
        let [mut one, _] = ends(40001, idle(Side::Server, 5.0));
        let [_, mut other] = ends(40001, idle(Side::Server, 5.0));
        endpoints.close(&mut one, false);
        other.at_ns += SAME_NS + 1;
        assert!(SharedCauses::default().of(&other).is_none());
        let mut shared = SharedCauses::default();
        shared.keep((one.verdict, one.cause), &one, std::iter::empty());
        assert!(shared.of(&other).is_none() && shared.of(&one).is_none());
    }

    #[test]
    fn a_request_that_was_thrown_away_is_a_race_at_both_ends() {
        let mut endpoints = Endpoints::new(InferLimits::default(), TICK);
        for _ in 0..4 {
            endpoints.close(&mut idle(Side::Server, 2.0), false);
        }
        let mut dropped = in_flight(Side::Server, Phase::Waiting, 0.06, 0.06);
        (dropped.reuse_gap, dropped.in_flight, dropped.close_type) = (Some(1.94), Some(1), CloseType::Fin);
        let mut both = ends(40001, dropped);
        causes(&mut endpoints, &mut both);
        let shown = both.map(|end| (end.verdict, end.race, end.confidence));
        assert_eq!(shown, [(Verdict::IdleRace, Some(Race::Unread), Confidence::Probable); 2]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut shared = SharedCauses::default();
        let [mut closed, _] = ends(0, idle(Side::Server, 5.0));
        for port in 0..2 * REMEMBERED as u16 {
            closed.ends.remote.set_port(port);
            shared.keep((closed.verdict, closed.cause), &closed, std::iter::empty());
        }
        assert!(shared.0.values().len() <= REMEMBERED);
        assert!(shared.bytes() < 1 << 20, "{}", shared.bytes());
    }
}
