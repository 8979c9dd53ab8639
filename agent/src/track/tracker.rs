//! The table of connections.

use hashbrown::HashMap;
use whohungup_ebpf::{
    decode::Record,
    event::{Connect, Listen, Open, Progress, Reset, Transition},
    exchange::{Exchange, ExchangeRecord},
};

use super::{
    connection::{Connection, OpenState, Process},
    deadlines::Deadlines,
    listeners::Listeners,
    recent::{Recent, RecentClose},
    report::{ClosedBy, Ends, Report},
    requests::{Counted, Progressed, so_far},
    settle,
};
use crate::close::{
    Options, classify, facts,
    words::{Role, Verdict},
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
    pub(super) listeners: Listeners,
    pub(super) recent: Recent,
    /// Pending closes that a late segment may still meet, by what such a segment says.
    pub(super) pending_ends: HashMap<(u32, Ends), u64>,
    due: Deadlines,
    pub(super) newest_reset: Option<Reset>,
    /// Reports for the next `settle`.
    pub(super) ready: Vec<Report>,
    /// New requests on open connections, for the next `take_progress`.
    progressed: Vec<Progressed>,
    pub(super) totals: Totals,
    limits: Limits,
    pub(super) options: Options,
    /// Seconds per jiffy.
    pub(super) tick: f64,
}

impl Tracker {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(limits: Limits, options: Options, tick: f64) -> Self {
        Self {
            connections: HashMap::new(),
            listeners: Listeners::default(),
            recent: Recent::new(limits.recent),
            pending_ends: HashMap::new(),
            due: Deadlines::default(),
            newest_reset: None,
            ready: Vec::new(),
            progressed: Vec::new(),
            totals: Totals::default(),
            limits,
            options,
            tick,
        }
    }

    pub fn totals(&self) -> Totals {
        Totals {
            open: self.connections.len() as u64,
            listeners: self.listeners.len() as u64,
            recent: self.recent.len() as u64,
            recent_evicted: self.recent.evicted,
            ..self.totals
        }
    }

    /// Open connections by role and state, counted now.
    pub fn open_by_role_and_state(&self) -> Vec<(Role, OpenState, u64)> {
        let mut counts: HashMap<(Role, OpenState), u64> = HashMap::new();
        for connection in self.connections.values() {
            *counts.entry((connection.role, connection.state())).or_default() += 1;
        }
        Role::ALL
            .iter()
            .flat_map(|&role| OpenState::ALL.map(|state| (role, state)))
            .map(|(role, state)| (role, state, counts.get(&(role, state)).copied().unwrap_or(0)))
            .collect()
    }

    /// Takes in one record.
    pub fn apply(&mut self, record: &Record<'_>) {
        match record {
            Record::Connect(connect) => self.connect(connect),
            Record::Open(open) => self.open(open),
            Record::Transition(step) => self.step(step),
            Record::Exchange(record) => self.exchange(record, Connection::exchange),
            Record::Inside(record) => self.exchange(record, Connection::inside),
            Record::Reset(reset) => self.reset(reset),
            Record::Progress(progress) => self.progress(progress),
            Record::Listen(listen) => self.listen(listen),
            Record::ErrorReport(report) => {
                if let Some(connection) = self.connections.get_mut(&report.header.cookie) {
                    connection.soft_error = Some(report.err);
                }
            }
            // Walks come in through `adopt` and `reconcile`.
            Record::Met(_) | Record::Clock(_) => {}
        }
    }

    /// Settles every close that is due at `now_ns` and hands it to `sink`.
    pub fn settle(&mut self, now_ns: u64, mut sink: impl FnMut(Report)) {
        while let Some(due) = self.due.pop(now_ns) {
            for (at, cookie) in due {
                if let Some(report) = self.settle_one(cookie, at, now_ns) {
                    sink(report);
                }
            }
        }
        self.ready.drain(..).for_each(sink);
        self.recent.expire(now_ns);
    }

    /// Settles everything that is pending, whether due or not: the agent is ending.
    pub fn settle_all(&mut self, mut sink: impl FnMut(Report)) {
        let mut pending: Vec<(u64, u64)> = self
            .connections
            .iter()
            .filter_map(|(&cookie, c)| Some((c.pending.as_ref()?.first.header.ktime_ns, cookie)))
            .collect();
        pending.sort_unstable();
        for (at, cookie) in pending {
            if let Some(report) = self.finish(cookie, at) {
                sink(report);
            }
        }
        self.ready.drain(..).for_each(sink);
    }

    /// Hands over the requests that were counted on open connections since the last call.
    pub fn take_progress(&mut self) -> impl Iterator<Item = Progressed> {
        self.progressed.drain(..)
    }

    /// Seconds per clock tick of the kernel.
    pub fn tick(&self) -> f64 {
        self.tick
    }

    pub(super) fn is_full(&self) -> bool {
        self.connections.len() >= self.limits.connections
    }

    fn connect(&mut self, connect: &Connect) {
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
        connection.role = Role::Client;
        connection.process = Process::from_task(&connect.task);
    }

    fn open(&mut self, open: &Open) {
        let cookie = open.header.cookie;
        let role = if open.old_state == u32::from(facts::SYN_SENT) { Role::Client } else { Role::Server };
        if self.is_full() && !self.connections.contains_key(&cookie) {
            // A client's was counted when it connected.
            self.totals.untracked += u64::from(role == Role::Server);
            return;
        }
        let local = Ends::new(&open.endpoints).local;
        let listener = self.listeners.at(open.netns, local).and_then(|listener| listener.owner);
        let connection = self.entry(cookie, open.header.ktime_ns);
        if connection.pending.is_some() {
            return;
        }
        connection.endpoints = open.endpoints;
        connection.netns = open.netns;
        connection.opened_ns = Some(open.header.ktime_ns);
        connection.connected = true;
        connection.role = role;
        if role == Role::Server {
            connection.process = listener.map(|owner| Process { pid: None, ..owner });
        }
    }

    /// The connection of `cookie`, made if it is new; the caller has seen to the bound.
    fn entry(&mut self, cookie: u64, now_ns: u64) -> &mut Connection {
        let Self { connections, totals, .. } = self;
        connections.entry(cookie).or_insert_with(|| {
            totals.opened += 1;
            Connection {
                endpoints: zerocopy::FromZeros::new_zeroed(),
                netns: 0,
                role: Role::Unknown,
                begun_ns: now_ns,
                opened_ns: None,
                adopted: false,
                connected: false,
                process: None,
                soft_error: None,
                counted: Counted::default(),
                pending: None,
            }
        })
    }

    fn step(&mut self, step: &Transition) {
        let cookie = step.header.cookie;
        if self.step_known(cookie, step) {
            return;
        }
        if let Some(known) = self.recent.by_cookie(cookie) {
            known.connection.step(step);
            self.amend(cookie);
            return;
        }
        let first = matches!(step.old_state, facts::ESTABLISHED | facts::SYN_SENT | facts::SYN_RECV);
        if !first || self.is_full() {
            // The tail of a close that was settled, or the end of what was never followed.
            return;
        }
        self.totals.opened_unseen += 1;
        self.entry(cookie, step.header.ktime_ns);
        self.step_known(cookie, step);
    }

    /// False when the connection is not followed.
    fn step_known(&mut self, cookie: u64, step: &Transition) -> bool {
        let Some(connection) = self.connections.get_mut(&cookie) else { return false };
        connection.step(step);
        let Some(pending) = connection.pending.as_mut() else { return true };
        let due = settle::due(pending, connection.role);
        if pending.due_ns.is_none() && settle::leaves_an_orphan(pending) {
            let orphan = (connection.netns, Ends::new(&connection.endpoints));
            pending.orphan = Some(orphan);
            self.pending_ends.insert(orphan, cookie);
        }
        if pending.due_ns != Some(due) {
            pending.due_ns = Some(due);
            self.due.push(due, cookie);
        }
        true
    }

    fn exchange(&mut self, record: &ExchangeRecord, note: fn(&mut Connection, &Exchange)) {
        let cookie = record.header.cookie;
        if let Some(connection) = self.connections.get_mut(&cookie) {
            note(connection, &record.exchange);
        } else if let Some(known) = self.recent.by_cookie(cookie) {
            note(&mut known.connection, &record.exchange);
            self.amend(cookie);
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let (cookie, tick) = (progress.header.cookie, self.tick);
        let known = self.connections.get_mut(&cookie);
        // A pool may write to a connection that it has left lying.
        let known = known.or_else(|| Some(&mut self.recent.by_cookie(cookie)?.connection));
        let Some((connection, seen)) = known.zip(so_far(progress)) else { return };
        let requests = connection.counted.adds(&seen, connection.is_followed(), tick);
        connection.counted.note(&seen);
        self.progressed.push(Progressed {
            role: connection.role,
            ends: Ends::new(&connection.endpoints),
            process: connection.process,
            requests,
        });
    }

    fn listen(&mut self, listen: &Listen) {
        let address = Ends::new(&listen.endpoints).local;
        let (netns, cookie) = (listen.netns, listen.header.cookie);
        if listen.began == 1 {
            self.listeners.began(netns, cookie, address, Process::from_task(&listen.task));
        } else {
            self.listeners.ended(netns, cookie, address.port());
        }
    }

    fn settle_one(&mut self, cookie: u64, due: u64, now_ns: u64) -> Option<Report> {
        let connection = self.connections.get(&cookie)?;
        let pending = connection.pending.as_deref()?;
        if pending.due_ns != Some(due) {
            return None;
        }
        if settle::is_abandoned(pending)
            && !classify(&connection.facts(self.tick)?, self.options).phase.is_idle()
        {
            // In flight: what the process does next decides.
            return None;
        }
        self.finish(cookie, now_ns)
    }

    /// Takes a connection out of the table; the report of its close, if one had begun.
    pub(super) fn finish(&mut self, cookie: u64, now_ns: u64) -> Option<Report> {
        let mut connection = self.connections.remove(&cookie)?;
        self.totals.closed += 1;
        let pending = connection.pending.as_deref()?;
        let orphan = pending.orphan;
        if let Some(orphan) = orphan
            && self.pending_ends.get(&orphan) == Some(&cookie)
        {
            self.pending_ends.remove(&orphan);
        }
        let report = self.report(cookie, &connection)?;
        // A request can only be lost to an idle close by the server.
        if report.close.verdict == Verdict::ServerIdle && settle::may_be_met_late(pending) {
            let (verdict, outcome) = (report.close.verdict, report.close.outcome);
            if let Some(outcome) = &outcome {
                connection.counted.note(outcome);
            }
            let unanswered = outcome.map_or(0, |outcome| outcome.unanswered);
            self.recent.remember(now_ns, cookie, RecentClose { connection, verdict, unanswered, orphan });
        }
        Some(report)
    }

    pub(super) fn report(&self, cookie: u64, connection: &Connection) -> Option<Report> {
        let facts = connection.facts(self.tick)?;
        let pending = connection.pending.as_deref()?;
        let close = classify(&facts, self.options);
        let closed_by = pending.closed_by.as_ref().map(ClosedBy::new);
        // Whoever destroyed it from outside is not the process that held it.
        let closer = closed_by.filter(|_| close.verdict != Verdict::HostAbort);
        let closer = closer.map(|by| Process { pid: Some(by.pid), comm: by.comm });
        let cgroup_id = facts.first.cgroup_id;
        let requests = close
            .outcome
            .map(|outcome| connection.counted.adds(&outcome, connection.is_followed(), self.tick));
        Some(Report {
            close,
            ends: Ends::new(&connection.endpoints),
            netns: connection.netns,
            cgroup_id: (cgroup_id != 0).then_some(cgroup_id),
            process: closer.or(connection.process),
            closed_by,
            requests,
            amends: false,
            cookie,
        })
    }
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
