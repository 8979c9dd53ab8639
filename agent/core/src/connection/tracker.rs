//! The table of connections.

use std::collections::HashSet;

use hashbrown::HashMap;
use jiff::Timestamp;
use whohungup_ebpf::{decode::Record, event::Reset};

use super::{
    closing_habits::ClosingHabits,
    coverage::{self, Coverage},
    entry::{Connection, OpenState},
    listeners::{Listeners, Stopping},
    pairs::Pairs,
    pools::Pools,
    reachability::Reachability,
    recent::Recent,
    reconcile::Unreachable,
    requests::Progressed,
    retry::Retries,
    settle::{self, Deadlines},
    tally::Tally,
    unsettled::Unsettled,
};
use crate::{close::ClosedConnection, identity::Ends};
use crate::{
    close::{EvidenceDetail, Options},
    labels::Role,
    workload::Workloads,
};

/// Bounds of the tracker's memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections followed at once; more are counted and not followed. About 200 bytes each, and
    /// 3 KiB while a close is pending.
    pub connections: usize,
    /// Servers' idle closes remembered for late requests, up to 65 s, about 2 KiB each.
    pub recent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1 << 20, recent: 16384 }
    }
}

/// What the tracker counts; all but the gauges only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections begun: SYN sent, or accepted by the kernel.
    pub opened: u64,
    /// Of them, those whose opening record was lost and whose closing record was not.
    pub opened_unseen: u64,
    pub adopted: u64,
    pub closed: u64,
    /// Of them, those that ended unseen and were found missing by a walk.
    pub closed_unseen: u64,
    /// Connections that were not followed because the table was full.
    pub untracked: u64,
    /// Late requests joined to a close that had been reported.
    pub late_requests: u64,
    /// Late segments that belonged to nothing known.
    pub late_strangers: u64,
    /// Races whose request the same process sent again, and got answered.
    pub retried: u64,
    /// Races whose retry was not looked for: too many came at once, or looking takes too long here.
    pub retries_unchecked: u64,
    /// Gauges.
    pub open: u64,
    pub listeners: u64,
    pub recent: u64,
    pub recent_evicted: u64,
}

/// Follows connections by socket cookie.
#[derive(Debug)]
pub struct Tracker {
    pub(super) connections: HashMap<u64, Connection>,
    pub(super) tally: Tally,
    pub(super) listeners: Listeners,
    pub(super) recent: Recent,
    /// Pending closes that a late segment may still meet, by what such a segment says.
    pub(super) pending_ends: HashMap<(u32, Ends), u64>,
    /// Pending closes that have not met the other end of their connection yet.
    pub(super) pairs: Pairs,
    /// For how many walks namespaces of followed connections have not been met.
    pub(super) absent: HashMap<u32, u32>,
    pub(super) unreachable: Unreachable,
    pub(super) due: Deadlines,
    pub(super) unsettled: Unsettled,
    pub(super) pools: Pools,
    pub(super) reachability: Reachability,
    pub(super) closing_habits: ClosingHabits,
    pub(super) retries: Retries,
    pub(super) workloads: Workloads,
    pub(super) coverage: Coverage,
    pub(super) newest_reset: Option<Reset>,
    /// Reports for the next `settle`.
    pub(super) ready: Vec<ClosedConnection>,
    /// New requests on open connections, for the next `take_progress`.
    pub(super) progressed: Vec<Progressed>,
    /// For the next `take_stopping`.
    pub(super) stopping: Vec<Stopping>,
    pub(super) totals: Totals,
    limits: Limits,
    pub(super) options: Options,
    /// Seconds per jiffy.
    pub(super) tick: f64,
    /// How far the wall clock is ahead of CLOCK_MONOTONIC, ns.
    pub(super) wall_ahead_ns: i64,
}

impl Tracker {
    /// Gives back the room of tables that a peak has left mostly empty.
    pub fn release_memory(&mut self) {
        if self.connections.len() < self.connections.capacity() / 4 {
            self.connections.shrink_to(2 * self.connections.len());
        }
        if self.pending_ends.len() < self.pending_ends.capacity() / 4 {
            self.pending_ends.shrink_to(2 * self.pending_ends.len());
        }
        self.pairs.release_memory();
        self.ready.shrink_to(self.ready.len());
        self.progressed.shrink_to(self.progressed.len());
        self.recent.release_memory();
    }

    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(limits: Limits, options: Options, tick: f64) -> Self {
        Self {
            connections: HashMap::new(),
            tally: Tally::default(),
            listeners: Listeners::default(),
            recent: Recent::new(limits.recent),
            pending_ends: HashMap::new(),
            pairs: Pairs::default(),
            absent: HashMap::new(),
            unreachable: Unreachable::These(HashSet::new()),
            due: Deadlines::default(),
            unsettled: Unsettled::default(),
            pools: Pools::default(),
            reachability: Reachability::default(),
            closing_habits: ClosingHabits::default(),
            retries: Retries::default(),
            workloads: Workloads::default(),
            coverage: Coverage::default(),
            newest_reset: None,
            ready: Vec::new(),
            progressed: Vec::new(),
            stopping: Vec::new(),
            totals: Totals::default(),
            limits,
            options,
            tick,
            wall_ahead_ns: 0,
        }
    }

    pub fn totals(&self) -> Totals {
        Totals {
            open: self.connections.len() as u64,
            listeners: self.listeners.len() as u64,
            recent: self.recent.len() as u64,
            recent_evicted: self.recent.evicted,
            retried: self.retries.retried,
            retries_unchecked: self.retries.unchecked,
            ..self.totals
        }
    }

    /// Open connections by role and state.
    pub fn open_by_role_and_state(&self) -> Vec<(Role, OpenState, u64)> {
        Role::ALL
            .iter()
            .flat_map(|&role| OpenState::ALL.map(|state| (role, state)))
            .map(|(role, state)| (role, state, self.tally.get((role, state))))
            .collect()
    }

    /// Takes in one record.
    pub fn apply(&mut self, record: &Record<'_>) {
        match record {
            Record::Connect(connect) => self.connect(connect),
            Record::Open(open) => self.open(open),
            Record::Transition(step) => self.step(step),
            Record::Exchange(record) => self.exchange(*record, |connection, exchange, is_whole| {
                connection.exchange(if is_whole { exchange } else { coverage::unread(&exchange) });
            }),
            Record::TlsExchange(record) => self.exchange(*record, |connection, exchange, is_whole| {
                if is_whole {
                    connection.tls_plaintext(exchange);
                }
            }),
            Record::Conversation(record) => self.conversation(record),
            Record::Reset(reset) => self.reset(reset),
            Record::Progress(progress) => self.progress(progress),
            Record::Listen(listen) => self.listen(listen),
            Record::Signal(signal) => self.signal(signal),
            Record::ErrorReport(closed) => {
                if let Some(connection) = self.connections.get_mut(&closed.header.cookie) {
                    connection.soft_error(closed.err);
                }
            }
            // Walks come in through `adopt` and `reconcile`.
            Record::Socket(_) | Record::Clock(_) => {}
        }
    }

    /// Settles every close that is due at `now_ns` and hands it to `sink`.
    pub fn settle(&mut self, now_ns: u64, sink: impl FnMut(ClosedConnection)) {
        while let Some(due) = self.due.pop(now_ns) {
            for (at, cookie) in due {
                if let Some(closed) = self.settle_one(cookie, at, now_ns) {
                    self.ready.push(closed);
                }
            }
        }
        self.retries.hold(&mut self.ready, now_ns);
        self.ready.drain(..).for_each(sink);
        self.recent.expire(now_ns);
    }

    /// Every close that began before this has been handed over, if what came until `now_ns` has been applied and settled.
    /// Left out are those that wait longer than any timer: their sockets live on, for the next agent to find.
    pub fn complete_until(&self, now_ns: u64) -> Timestamp {
        let oldest = now_ns.saturating_sub(settle::LONGEST_NS);
        // Records of one instant come a little apart.
        let newest = now_ns.saturating_sub(settle::GRACE_NS);
        let waiting = self.unsettled.first_since(oldest).into_iter().chain(self.retries.oldest_held());
        self.wall_time(waiting.fold(newest, u64::min))
    }

    /// Settles everything that is pending, whether due or not: the agent is ending.
    pub fn settle_all(&mut self, mut sink: impl FnMut(ClosedConnection)) {
        let mut pending: Vec<(u64, u64)> = self
            .connections
            .iter()
            .filter_map(|(&cookie, c)| Some((c.pending.as_ref()?.facts().first.header.ktime_ns, cookie)))
            .collect();
        pending.sort_unstable();
        for (at, cookie) in pending {
            if let Some(closed) = self.finish(cookie, at) {
                sink(closed);
            }
        }
        self.retries.release_all(&mut self.ready);
        self.ready.drain(..).for_each(sink);
    }

    /// Hands over the requests that were counted on open connections since the last call.
    pub fn take_progress(&mut self) -> impl Iterator<Item = Progressed> {
        self.progressed.drain(..)
    }

    /// Whose sockets are whose: what is asked for is to be answered before closes are settled.
    pub fn workloads(&mut self) -> &mut Workloads {
        &mut self.workloads
    }

    /// What the probes leave out.
    pub fn coverage_mut(&mut self) -> &mut Coverage {
        &mut self.coverage
    }

    /// Seconds per clock tick of the kernel.
    pub fn tick(&self) -> f64 {
        self.tick
    }

    /// Of which closes the evidence is put into words from now on.
    pub fn set_evidence_detail(&mut self, detail: EvidenceDetail) {
        self.options.detail = detail;
    }

    /// Seconds; of closes that are settled from now on.
    pub fn set_idle_threshold(&mut self, threshold: f64) {
        self.options.idle_threshold = threshold;
    }

    /// How far the wall clock is ahead of CLOCK_MONOTONIC, ns: what closes that are settled from now on are timed by.
    pub fn set_wall_ahead(&mut self, wall_ahead_ns: i64) {
        self.wall_ahead_ns = wall_ahead_ns;
    }

    pub(super) fn is_full(&self) -> bool {
        self.connections.len() >= self.limits.connections
    }
}

#[cfg(test)]
mod tests;
