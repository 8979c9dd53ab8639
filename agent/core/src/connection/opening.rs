//! How connections and listeners come into the table.

use whohungup_ebpf::event::{Connect, Listen, Open, Signal};

use super::{
    entry::Connection,
    listeners::{Listener, ListenerEnded, SentSignal, Stopping},
    requests::Counted,
    tracker::Tracker,
};
use crate::{
    close::{ClosedBy, facts},
    identity::{self, Ends, Process},
    labels::Role,
    workload::CgroupNetns,
};

/// Between two calls of [`Tracker::take_stopping`] no more is kept: a batch of records is smaller.
const STOPPING: usize = 8192;

impl Tracker {
    pub(super) fn connect(&mut self, connect: &Connect) {
        let cookie = connect.header.cookie;
        if self.connections.get(&cookie).is_some_and(|known| known.pending.is_some()) {
            // The same socket connects again after a failure: that is another connection.
            let failed = self.finish(cookie, connect.header.ktime_ns);
            self.ready.extend(failed);
        }
        if self.is_full() && !self.connections.contains_key(&cookie) {
            self.totals.untracked += 1;
            return;
        }
        let connection = self.entry(cookie, connect.header.ktime_ns);
        let before = connection.state_key();
        connection.role = Role::Client;
        connection.process = Process::from_task(&connect.task);
        let after = connection.state_key();
        self.tally.moves(before, after);
    }

    pub(super) fn open(&mut self, open: &Open) {
        let cookie = open.header.cookie;
        let role = if open.old_state == u32::from(facts::SYN_SENT) { Role::Client } else { Role::Server };
        if self.is_full() && !self.connections.contains_key(&cookie) {
            // A client's was counted when it connected.
            self.totals.untracked += u64::from(role == Role::Server);
            return;
        }
        let local = Ends::new(&open.endpoints).local;
        let at_ns = open.header.ktime_ns;
        let listener = match role {
            Role::Server => self.listeners.accepted(open.netns, local, at_ns),
            _ => None,
        };
        let listener = listener.and_then(|listener| listener.owner);
        let holder = self.connections.get(&cookie).and_then(|connection| connection.process).or(listener);
        let cgroup_netns = CgroupNetns { cgroup_id: open.cgroup_id, netns: open.netns };
        self.workloads.want(cgroup_netns, holder.and_then(|holder| holder.pid));
        let connection = self.entry(cookie, open.header.ktime_ns);
        if connection.pending.is_some() {
            return;
        }
        let before = connection.state_key();
        connection.endpoints = open.endpoints;
        connection.netns = open.netns;
        connection.cgroup_id = open.cgroup_id;
        connection.opened_ns = Some(open.header.ktime_ns);
        connection.connected = true;
        connection.role = role;
        if role == Role::Server {
            connection.process = listener.map(|owner| Process { pid: None, ..owner });
        }
        let pool = connection.pool().filter(|_| !connection.pooled);
        connection.pooled |= pool.is_some();
        let (netns, ends) = (connection.netns, Ends::new(&connection.endpoints));
        let after = connection.state_key();
        self.tally.moves(before, after);
        self.reachability.note(netns, role, &ends, open.header.ktime_ns);
        if let Some(pool) = pool {
            self.pools.opened(pool);
        }
    }

    /// The connection of `cookie`, made if it is new; the caller has seen to the bound.
    pub(super) fn entry(&mut self, cookie: u64, now_ns: u64) -> &mut Connection {
        let Self { connections, totals, tally, .. } = self;
        connections.entry(cookie).or_insert_with(|| {
            totals.opened += 1;
            let connection = Connection {
                endpoints: zerocopy::FromZeros::new_zeroed(),
                netns: 0,
                cgroup_id: 0,
                role: Role::Unknown,
                begun_ns: now_ns,
                opened_ns: None,
                preexisting: false,
                connected: false,
                process: None,
                soft_error: None,
                counted: Counted::default(),
                protocol: None,
                pooled: false,
                pending: None,
            };
            tally.enters(connection.state_key());
            connection
        })
    }

    pub(super) fn listen(&mut self, listen: &Listen) {
        let address = Ends::new(&listen.endpoints).local;
        let (netns, cookie) = (listen.netns, listen.header.cookie);
        let owner = Process::from_task(&listen.task);
        let place = CgroupNetns { cgroup_id: listen.cgroup_id, netns };
        if listen.began == 1 {
            self.workloads.want(place, owner.and_then(|owner| owner.pid));
            let listener = Listener {
                cookie,
                address,
                owner,
                cgroup_id: listen.cgroup_id,
                last_accept_ns: None,
                preexisting: false,
            };
            self.listeners.began(netns, listener);
            return;
        }
        let at_ns = listen.header.ktime_ns;
        self.pools.listener_ended(at_ns, netns, address);
        let Some((listener, replaced)) = self.listeners.ended(netns, cookie, address.port()) else { return };
        // One that served nobody is no server.
        if (listener.last_accept_ns.is_some() || listener.preexisting) && self.stopping.len() < STOPPING {
            self.stopping.push(Stopping::Listener(ListenerEnded {
                at_ns,
                netns,
                address,
                process: listener.owner.or(owner),
                cgroup_id: listener.cgroup_id,
                workload: None,
                exit: ClosedBy::from_task(&listen.task).and_then(|by| by.exit()),
                replaced,
                last_accept_ns: listener.last_accept_ns,
            }));
        }
    }

    pub(super) fn signal(&mut self, signal: &Signal) {
        if self.stopping.len() < STOPPING {
            self.stopping.push(Stopping::Signal(SentSignal {
                at_ns: signal.header.ktime_ns,
                signal: identity::Signal(signal.signal),
                pid: signal.tgid,
                cgroup_id: signal.cgroup_id,
                ignored: signal.ignored != 0,
            }));
        }
    }

    /// Hands over what has said since the last call that a server stops.
    pub fn take_stopping(&mut self) -> Vec<Stopping> {
        let mut all = std::mem::take(&mut self.stopping);
        for one in &mut all {
            if let Stopping::Listener(ended) = one {
                let place = CgroupNetns { cgroup_id: ended.cgroup_id, netns: ended.netns };
                ended.workload = self.workloads.of(place).cloned();
            }
        }
        all
    }
}
