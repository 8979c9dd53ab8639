//! What is kept of each endpoint: its last hour, and when its idle connections were shut.

use hashbrown::HashMap;

use super::{
    hour::{Hour, minute},
    idle::IdleBins,
};
use whohungup_core::{
    close::ClosedConnection,
    endpoint::{EndpointKey, Place},
    identity::Ends,
    labels::{Closer, Role, Side, Verdict},
};

/// By verdict, and requests lost to idle closes.
pub(super) const COUNTS: usize = Verdict::ALL.len() + 1;
pub(super) const LOST: usize = Verdict::ALL.len();

#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) hour: Hour<COUNTS>,
    idle: [IdleBins; 2],
}

impl Seen {
    pub(super) fn new(now_ns: u64) -> Self {
        Self { hour: Hour::new(minute(now_ns)), idle: [IdleBins::new(), IdleBins::new()] }
    }

    pub(super) fn idle(&self, side: Side) -> Vec<(u16, u32)> {
        self.idle[side as usize].shown()
    }

    fn close(&mut self, closed: &ClosedConnection) {
        let close = closed;
        let minute = minute(close.at_ns);
        self.hour.add(minute, LOST, lost(closed));
        self.hour.add(minute, close.verdict as usize, 1);
        if closed.amends {
            // It was counted as the idle close that it seemed to be.
            self.hour.take(minute, Verdict::ServerIdle as usize);
            return;
        }
        let side = match (close.verdict, close.closer) {
            (Verdict::Completed, _) => return,
            (_, Closer::Client) => Side::Client,
            (_, Closer::Server) => Side::Server,
            _ => return,
        };
        if let Some(idle) = close.idle {
            self.idle[side as usize].add(idle);
        }
    }
}

/// The endpoints that are told apart, and the rest together.
#[derive(Debug)]
pub(super) struct Table {
    endpoints: HashMap<EndpointKey, Box<Seen>>,
    pub(super) all: Box<Seen>,
    pub(super) other: Box<Seen>,
    pub(super) lost: Lost,
}

impl Table {
    pub(super) fn new(now_ns: u64) -> Self {
        let seen = || Box::new(Seen::new(now_ns));
        Self { endpoints: HashMap::new(), all: seen(), other: seen(), lost: Lost::new(now_ns) }
    }

    /// Counts a close. `place` bounds the table.
    pub(super) fn close(&mut self, closed: &ClosedConnection, place: &Place) {
        self.all.close(closed);
        self.lost.add(closed);
        if let Some(gone) = &place.gave_up {
            self.endpoints.remove(gone);
        }
        if !place.own {
            self.other.close(closed);
            return;
        }
        let at_ns = closed.at_ns;
        self.endpoints.entry(place.id).or_insert_with(|| Box::new(Seen::new(at_ns))).close(closed);
    }

    /// Forgets endpoints that are no longer told apart.
    pub(super) fn forget(&mut self, gone: &[EndpointKey]) {
        for id in gone {
            self.endpoints.remove(id);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&EndpointKey, &Seen)> {
        self.endpoints.iter().map(|(key, seen)| (key, &**seen))
    }

    /// Memory, bytes.
    pub(super) fn bytes(&self) -> usize {
        (self.endpoints.len() + 2) * size_of::<Seen>()
            + self.endpoints.capacity() * (size_of::<(EndpointKey, Box<Seen>)>() + 1)
    }
}

/// Requests lost in the last hour. One that never left the host is seen at both ends, or at either.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// At clients and at servers of connections within the host, and of others.
    hour: Hour<3>,
}

impl Lost {
    fn new(now_ns: u64) -> Self {
        Self { hour: Hour::new(minute(now_ns)) }
    }

    fn add(&mut self, closed: &ClosedConnection) {
        let what = match closed.role {
            Role::Client if is_within_host(&closed.ends) => 0,
            Role::Server if is_within_host(&closed.ends) => 1,
            _ => 2,
        };
        self.hour.add(minute(closed.at_ns), what, lost(closed));
    }

    pub(super) fn sum(&self, now: u64) -> u64 {
        self.hour.sum(now, 0).max(self.hour.sum(now, 1)) + self.hour.sum(now, 2)
    }
}

/// Requests that met an idle close.
fn lost(closed: &ClosedConnection) -> u32 {
    let lost = || closed.uncounted.map_or(1, |requests| requests.unanswered.max(1));
    closed.race.map_or(0, |_| lost())
}

/// By its addresses; between containers of one host it does not show.
fn is_within_host(ends: &Ends) -> bool {
    ends.local.ip() == ends.remote.ip() || ends.local.ip().is_loopback()
}
