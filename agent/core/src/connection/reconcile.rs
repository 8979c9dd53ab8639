//! What a walk over the sockets that exist is good for: adoption, and finding what ended unseen.

use std::collections::HashSet;

use whohungup_ebpf::{event::Transition, exchange::Exchange};

use super::{
    RetryQuery, entry::Connection, listeners::Listener, requests::Counted, retry::Candidate, settle,
    tracker::Tracker,
};
use crate::identity::{Ends, Process};
use crate::{close::facts, labels::Role};

/// Namespaces that may exist although a walk does not meet them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    These(HashSet<u32>),
    /// Which namespaces exist is not known.
    Others,
}

impl Unreachable {
    fn has(&self, netns: u32) -> bool {
        match self {
            Self::These(namespaces) => namespaces.contains(&netns),
            Self::Others => true,
        }
    }
}

/// A namespace that so many walks in a row have not met has gone, and its connections with it. Walks come once a minute,
/// or ten seconds after a loss.
const ABSENT_WALKS: u32 = 3;

impl Tracker {
    /// Takes in sockets that were there before; `owner` says which process holds one.
    pub fn adopt(&mut self, sockets: &[Transition], owner: impl Fn(u32, Ends) -> Option<Process>) {
        for socket in sockets.iter().filter(|socket| socket.old_state == facts::LISTEN) {
            let ends = Ends::new(&socket.endpoints);
            let listener = Listener {
                cookie: socket.header.cookie,
                address: ends.local,
                owner: owner(socket.netns, ends),
                cgroup_id: socket.cgroup_id,
                last_accept_ns: None,
                preexisting: true,
            };
            self.listeners.began(socket.netns, listener);
        }
        for socket in sockets.iter().filter(|socket| lives(socket)) {
            self.adopt_one(socket, &owner);
        }
    }

    /// Ends every followed connection that a walk of `namespaces` begun at `walked_ns` did not meet: its
    /// end was lost. Closes of which the beginning is known are settled with what is known. Connections
    /// of namespaces that the walk could not reach stay, until three walks in a row have not met the namespace. Returns how many connections ended unseen.
    pub fn reconcile(&mut self, sockets: &[Transition], namespaces: &HashSet<u32>, walked_ns: u64) -> u64 {
        self.note_absent(namespaces);
        let alive: HashSet<u64> = sockets.iter().map(|socket| socket.header.cookie).collect();
        let gone: Vec<u64> = self
            .connections
            .iter()
            .filter(|(cookie, connection)| connection.begun_ns < walked_ns && !alive.contains(*cookie))
            // One that only connects has not reported its namespace yet.
            .filter(|(_, connection)| {
                connection.netns == 0
                    || namespaces.contains(&connection.netns)
                    || self.absent.get(&connection.netns).is_some_and(|&walks| walks >= ABSENT_WALKS)
            })
            .filter(|(_, connection)| connection.pending.as_deref().is_none_or(settle::waits_for_the_socket))
            .map(|(&cookie, _)| cookie)
            .collect();
        let mut unseen = 0;
        for cookie in gone {
            if let Some(pending) = self.connections.get_mut(&cookie).and_then(|c| c.pending.as_mut()) {
                pending.facts_mut().rest_lost = true;
            }
            match self.finish(cookie, walked_ns) {
                Some(closed) => self.ready.push(closed),
                None => unseen += 1,
            }
        }
        self.totals.closed_unseen += unseen;
        unseen
    }

    /// Namespaces that the next walk cannot reach: their connections stay.
    pub fn set_unreachable(&mut self, namespaces: Unreachable) {
        self.unreachable = namespaces;
    }

    /// Counts for how many walks each namespace of a followed connection has not been there.
    fn note_absent(&mut self, namespaces: &HashSet<u32>) {
        let before = std::mem::take(&mut self.absent);
        let mut seen = HashSet::new();
        for connection in self.connections.values() {
            let exists = namespaces.contains(&connection.netns) || self.unreachable.has(connection.netns);
            if connection.netns != 0 && !exists {
                if !seen.insert(connection.netns) {
                    continue;
                }
                let walks = before.get(&connection.netns).map_or(1, |walks: &u32| walks.saturating_add(1));
                self.absent.insert(connection.netns, walks);
            }
        }
    }

    /// Which sockets may show a lost request that was sent again; to be answered with [`Tracker::found`].
    pub fn retry_queries(&mut self, now_ns: u64) -> Vec<RetryQuery> {
        self.retries.retry_queries(now_ns)
    }

    /// Takes in how the sockets stand that were asked for, by cookie.
    pub fn found(&mut self, answers: &[(u64, Exchange)]) {
        let Self { connections, retries, .. } = self;
        let candidates: Vec<Candidate<'_>> = answers
            .iter()
            .filter_map(|(cookie, exchange)| {
                let connection = connections.get(cookie)?;
                Some(Candidate {
                    cookie: *cookie,
                    pid: connection.process?.pid?,
                    netns: connection.netns,
                    server: Ends::new(&connection.endpoints).remote,
                    exchange,
                })
            })
            .collect();
        retries.found(&candidates, self.tick);
    }

    fn adopt_one(&mut self, socket: &Transition, owner: &impl Fn(u32, Ends) -> Option<Process>) {
        let cookie = socket.header.cookie;
        if self.connections.contains_key(&cookie) || self.recent.by_cookie(cookie).is_some() {
            return;
        }
        if self.is_full() {
            self.totals.untracked += 1;
            return;
        }
        let ends = Ends::new(&socket.endpoints);
        let listener = self.listeners.at(socket.netns, ends.local).copied();
        let listening = || listener?.owner.map(|owner| Process { pid: None, ..owner });
        self.totals.adopted += 1;
        let mut connection = Connection {
            endpoints: socket.endpoints,
            netns: socket.netns,
            cgroup_id: socket.cgroup_id,
            role: role(socket, listener.is_some()),
            begun_ns: socket.header.ktime_ns,
            opened_ns: None,
            preexisting: true,
            connected: socket.old_state != facts::SYN_SENT,
            process: owner(socket.netns, ends).or_else(listening),
            soft_error: None,
            counted: Counted::default(),
            protocol: None,
            pooled: false,
            pending: None,
        };
        if let Some(pool) = connection.pool() {
            connection.pooled = true;
            self.pools.opened(pool);
        }
        let holder = connection.process.and_then(|holder| holder.pid);
        self.workloads.want(connection.cgroup_netns(), holder.or_else(|| listener?.owner?.pid));
        self.tally.enters(connection.state_key());
        self.connections.insert(cookie, connection);
    }
}

/// The socket can still end in a way that is reported. A closed one in FIN_WAIT ends unreported.
fn lives(socket: &Transition) -> bool {
    let held = socket.has_socket == 1;
    matches!(socket.old_state, facts::ESTABLISHED | facts::CLOSE_WAIT | facts::SYN_SENT)
        || (held && matches!(socket.old_state, facts::FIN_WAIT1 | facts::FIN_WAIT2))
}

/// The counters prove the role; a listener must not contradict them.
fn role(socket: &Transition, listened: bool) -> Role {
    if socket.old_state == facts::SYN_SENT {
        return Role::Client;
    }
    match (facts::role_from_counters(socket), listened) {
        (Role::Server, _) | (Role::Unknown, true) => Role::Server,
        (Role::Client, false) => Role::Client,
        (Role::Client, true) | (Role::Unknown, false) => Role::Unknown,
    }
}
