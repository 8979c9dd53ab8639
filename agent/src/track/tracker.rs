//! The table of connections.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr};

use hashbrown::{HashMap, hash_map::Entry};
use whohungup_ebpf::{
    decode::Record,
    event::{Listen, Open, Reset, Transition},
};

use super::{
    connection::{Connection, OpenState, Process},
    listeners::Listeners,
    recent::{Recent, RecentClose},
    report::{ClosedBy, Ends, Report},
    settle,
};
use crate::close::{
    Options, classify, facts,
    words::{Confidence, Role, Verdict},
};

/// Bounds of the tracker's memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections followed at once; more are counted and not followed. About 200 bytes each, and
    /// 3 KiB while a close is pending.
    pub connections: usize,
    /// Closes remembered for late requests, up to 65 s, about 3 KiB each.
    pub recent: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1 << 20, recent: 4096 }
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
    connections: HashMap<u64, Connection>,
    listeners: Listeners,
    recent: Recent,
    /// Pending closes that a late segment may still meet, by what such a segment says.
    pending_ends: HashMap<(u32, Ends), u64>,
    due: BinaryHeap<Reverse<(u64, u64)>>,
    amended: Vec<Report>,
    totals: Totals,
    limits: Limits,
    options: Options,
    /// Seconds per jiffy.
    tick: f64,
}

impl Tracker {
    /// `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(limits: Limits, options: Options, tick: f64) -> Self {
        Self {
            connections: HashMap::new(),
            listeners: Listeners::default(),
            recent: Recent::new(limits.recent),
            pending_ends: HashMap::new(),
            due: BinaryHeap::new(),
            amended: Vec::new(),
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
            Record::Connect(connect) => {
                let process = Process::from_task(&connect.task);
                if let Some(connection) = self.entry(connect.header.cookie) {
                    connection.role = Role::Client;
                    connection.process = process;
                }
            }
            Record::Open(open) => self.open(open),
            Record::Transition(step) => self.step(step),
            Record::Exchange(record) => {
                let cookie = record.header.cookie;
                if let Some(connection) = self.connections.get_mut(&cookie) {
                    connection.exchange(&record.exchange);
                } else if let Some(known) = self.recent.by_cookie(cookie) {
                    known.connection.exchange(&record.exchange);
                    self.amend(cookie);
                }
            }
            Record::Reset(reset) => self.reset(reset),
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
        while let Some(&Reverse((at, cookie))) = self.due.peek() {
            if at > now_ns {
                break;
            }
            self.due.pop();
            if let Some(report) = self.settle_one(cookie, at, now_ns) {
                sink(report);
            }
        }
        for report in self.amended.drain(..) {
            sink(report);
        }
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
        self.amended.drain(..).for_each(sink);
    }

    /// Takes in sockets that were there before; `owner` says which process holds one.
    pub fn adopt(&mut self, sockets: &[Transition], owner: impl Fn(u32, Ends) -> Option<Process>) {
        for socket in sockets.iter().filter(|socket| socket.old_state == facts::LISTEN) {
            let ends = Ends::new(&socket.endpoints);
            self.listeners.began(socket.netns, socket.header.cookie, ends.local, owner(socket.netns, ends));
        }
        for socket in sockets {
            self.adopt_one(socket, &owner);
        }
    }

    /// Ends every followed connection that a walk begun at `walked_ns` did not meet: its end was lost.
    pub fn reconcile(&mut self, sockets: &[Transition], walked_ns: u64) -> u64 {
        let alive: hashbrown::HashSet<u64> = sockets.iter().map(|socket| socket.header.cookie).collect();
        let gone: Vec<u64> = self
            .connections
            .iter()
            .filter(|(cookie, connection)| {
                let since = connection.opened_ns.unwrap_or(0);
                connection.pending.is_none() && since < walked_ns && !alive.contains(*cookie)
            })
            .map(|(&cookie, _)| cookie)
            .collect();
        for cookie in &gone {
            self.connections.remove(cookie);
        }
        let gone = gone.len() as u64;
        self.totals.closed += gone;
        self.totals.closed_unseen += gone;
        gone
    }

    fn open(&mut self, open: &Open) {
        let listener = if u8::try_from(open.old_state) == Ok(facts::SYN_RECV) {
            self.listeners
                .at(open.netns, Ends::new(&open.endpoints).local)
                .and_then(|listener| listener.owner)
        } else {
            None
        };
        let Some(connection) = self.entry(open.header.cookie) else { return };
        connection.endpoints = open.endpoints;
        connection.netns = open.netns;
        connection.opened_ns = Some(open.header.ktime_ns);
        if u8::try_from(open.old_state) == Ok(facts::SYN_SENT) {
            connection.role = Role::Client;
        } else {
            connection.role = Role::Server;
            connection.process = listener.map(|owner| Process { pid: None, ..owner });
        }
    }

    /// The connection of `cookie`, made if it is new; `None` when the table is full.
    fn entry(&mut self, cookie: u64) -> Option<&mut Connection> {
        let full = self.connections.len() >= self.limits.connections;
        match self.connections.entry(cookie) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(_) if full => {
                self.totals.untracked += 1;
                None
            }
            Entry::Vacant(fresh) => {
                self.totals.opened += 1;
                Some(fresh.insert(Connection {
                    endpoints: zerocopy::FromZeros::new_zeroed(),
                    netns: 0,
                    role: Role::Unknown,
                    opened_ns: None,
                    adopted: false,
                    process: None,
                    soft_error: None,
                    pending: None,
                }))
            }
        }
    }

    fn step(&mut self, step: &Transition) {
        let cookie = step.header.cookie;
        if !self.connections.contains_key(&cookie) {
            if let Some(known) = self.recent.by_cookie(cookie) {
                known.connection.step(step);
                self.amend(cookie);
                return;
            }
            if !matches!(step.old_state, facts::ESTABLISHED | facts::SYN_SENT | facts::SYN_RECV) {
                // The tail of a close that was settled and needs no memory.
                return;
            }
            self.totals.opened_unseen += 1;
        }
        let Some(connection) = self.entry(cookie) else { return };
        connection.step(step);
        self.schedule(cookie);
    }

    fn schedule(&mut self, cookie: u64) {
        let Some(connection) = self.connections.get_mut(&cookie) else { return };
        let Some(pending) = connection.pending.as_mut() else { return };
        let due = settle::due(pending);
        if pending.due_ns.is_none() && settle::leaves_an_orphan(pending) {
            self.pending_ends.insert((connection.netns, Ends::new(&connection.endpoints)), cookie);
        }
        if pending.due_ns != Some(due) {
            pending.due_ns = Some(due);
            self.due.push(Reverse((due, cookie)));
        }
    }

    fn reset(&mut self, reset: &Reset) {
        let cookie = self.owner_of(reset);
        if let Some(connection) = cookie.and_then(|cookie| self.connections.get_mut(&cookie)) {
            if let Some(pending) = &mut connection.pending {
                pending.resets.push(*reset);
            }
            // Without a pending close: an active reset goes out before its transition (SOCK_DESTROY,
            // keepalive), which says all that it does.
            return;
        }
        if let Some(known) = cookie.and_then(|cookie| self.recent.by_cookie(cookie)) {
            if let Some(pending) = &mut known.connection.pending {
                pending.resets.push(*reset);
            }
            self.totals.late_requests += u64::from(reset.payload > 0);
            if let Some(cookie) = cookie {
                self.amend(cookie);
            }
            return;
        }
        self.totals.late_strangers += u64::from(reset.has_segment == 1 && reset.payload > 0);
    }

    /// The connection that a reset belongs to: by cookie, or, where the kernel blames a listener or
    /// no socket, by the addresses of the segment, which the peer sent.
    fn owner_of(&self, reset: &Reset) -> Option<u64> {
        let blamed = reset.header.cookie;
        if blamed != 0 && reset.state != facts::LISTEN {
            return Some(blamed);
        }
        let ends = Ends::new(&reset.segment).turned();
        let pending = self.pending_ends.get(&(reset.netns, ends)).copied();
        pending.or_else(|| self.recent.cookie_at(reset.netns, ends))
    }

    fn listen(&mut self, listen: &Listen) {
        let address: SocketAddr = Ends::new(&listen.endpoints).local;
        if listen.began == 1 {
            self.listeners.began(
                listen.netns,
                listen.header.cookie,
                address,
                Process::from_task(&listen.task),
            );
        } else {
            self.listeners.ended(listen.netns, listen.header.cookie, address.port());
        }
    }

    fn adopt_one(&mut self, socket: &Transition, owner: &impl Fn(u32, Ends) -> Option<Process>) {
        let cookie = socket.header.cookie;
        let held = socket.has_socket == 1;
        let living = matches!(socket.old_state, facts::ESTABLISHED | facts::CLOSE_WAIT | facts::SYN_SENT)
            || (held && matches!(socket.old_state, facts::FIN_WAIT1 | facts::FIN_WAIT2));
        if !living || self.connections.contains_key(&cookie) || self.recent.by_cookie(cookie).is_some() {
            return;
        }
        if self.connections.len() >= self.limits.connections {
            self.totals.untracked += 1;
            return;
        }
        let ends = Ends::new(&socket.endpoints);
        let listener = self.listeners.at(socket.netns, ends.local).copied();
        self.totals.adopted += 1;
        self.connections.insert(
            cookie,
            Connection {
                endpoints: socket.endpoints,
                netns: socket.netns,
                role: adopted_role(socket, listener.is_some()),
                opened_ns: None,
                adopted: true,
                process: owner(socket.netns, ends)
                    .or_else(|| listener?.owner.map(|owner| Process { pid: None, ..owner })),
                soft_error: None,
                pending: None,
            },
        );
    }

    fn settle_one(&mut self, cookie: u64, due: u64, now_ns: u64) -> Option<Report> {
        let pending = self.connections.get(&cookie)?.pending.as_deref()?;
        if pending.due_ns != Some(due) {
            return None;
        }
        if settle::is_abandoned(pending) {
            let facts = self.connections.get(&cookie)?.facts(self.tick)?;
            if !classify(&facts, self.options).phase.is_idle() {
                // In flight: what the process does next decides.
                return None;
            }
        }
        self.finish(cookie, now_ns)
    }

    fn finish(&mut self, cookie: u64, now_ns: u64) -> Option<Report> {
        let connection = self.connections.remove(&cookie)?;
        self.totals.closed += 1;
        if connection.pending.as_deref().is_some_and(settle::leaves_an_orphan) {
            self.pending_ends.remove(&(connection.netns, Ends::new(&connection.endpoints)));
        }
        let report = self.report(cookie, &connection)?;
        if connection.pending.as_deref().is_some_and(settle::may_be_met_late) {
            self.recent.remember(now_ns, cookie, RecentClose { connection, verdict: report.close.verdict });
        }
        Some(report)
    }

    fn report(&self, cookie: u64, connection: &Connection) -> Option<Report> {
        let facts = connection.facts(self.tick)?;
        let pending = connection.pending.as_deref()?;
        let mut close = classify(&facts, self.options);
        if !matches!(facts.first.old_state, facts::ESTABLISHED | facts::SYN_SENT | facts::SYN_RECV) {
            close.verdict = Verdict::Unknown;
            close.confidence = Confidence::Probable;
            close.evidence.push("its end had begun before the agent".to_owned());
        }
        let closed_by = pending.closed_by.as_ref().map(ClosedBy::new);
        let stranger = close.verdict == Verdict::HostAbort;
        let closer = closed_by.filter(|_| !stranger).map(|by| Process { pid: Some(by.pid), comm: by.comm });
        let cgroup_id = facts.first.cgroup_id;
        Some(Report {
            close,
            ends: Ends::new(&connection.endpoints),
            netns: connection.netns,
            cgroup_id: (cgroup_id != 0).then_some(cgroup_id),
            process: closer.or(connection.process),
            closed_by,
            amends: false,
            cookie,
        })
    }

    /// Judges a reported close anew; a changed verdict is reported as an amendment.
    fn amend(&mut self, cookie: u64) {
        let tick = self.tick;
        let Some(known) = self.recent.by_cookie(cookie) else { return };
        let Some(facts) = known.connection.facts(tick) else { return };
        let verdict = classify(&facts, self.options).verdict;
        if verdict != Verdict::IdleRace || known.verdict == verdict {
            return;
        }
        let before = std::mem::replace(&mut known.verdict, verdict);
        let connection = known.connection.clone();
        if let Some(mut report) = self.report(cookie, &connection) {
            report.amends = true;
            let late = facts.resets.iter().last().map_or(facts.first.header.ktime_ns, |r| r.header.ktime_ns);
            let after = late.saturating_sub(facts.first.header.ktime_ns) as f64 / 1e9;
            let amends =
                format!("amends the {before} reported before: a request came {after:.1} s after the close");
            report.close.evidence.insert(0, amends);
            self.amended.push(report);
        }
    }
}

/// The counters prove the role; a listener must not contradict them.
fn adopted_role(socket: &Transition, listened: bool) -> Role {
    match (facts::role_from_counters(socket), listened) {
        (Role::Server, _) | (Role::Unknown, true) => Role::Server,
        (Role::Client, false) => Role::Client,
        (Role::Client, true) | (Role::Unknown, false) => Role::Unknown,
    }
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
