//! How connections go through their ends and out of the table.

use jiff::Timestamp;
use whohungup_ebpf::{
    conversation::ConversationRecord,
    decode::ExchangeBytes,
    event::{Progress, Transition},
    exchange::Exchange,
};
use zerocopy::FromZeros as _;

use super::{
    coverage::Coverage,
    entry::{Connection, Pending},
    join,
    recent::RecentClose,
    requests::{Progressed, so_far},
    retry::Lost,
    settle,
    tracker::Tracker,
};
use crate::{
    close::{ClosedBy, ClosedConnection, CommunityId, EvidenceDetail, FlowId, Identity},
    identity::Ends,
};
use crate::{
    close::{facts, judge, woken_at},
    labels::{Role, Verdict},
};

impl Tracker {
    pub(super) fn step(&mut self, step: &Transition) {
        let cookie = step.header.cookie;
        if self.step_known(cookie, step) {
            return;
        }
        if let Some(known) = self.recent.by_cookie(cookie) {
            known.connection.step(step, self.tick);
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
    pub(super) fn step_known(&mut self, cookie: u64, step: &Transition) -> bool {
        let tick = self.tick;
        let Some(connection) = self.connections.get_mut(&cookie) else { return false };
        let (begins, before) = (connection.pending.is_none(), connection.state_key());
        connection.step(step, tick);
        self.tally.moves(before, connection.state_key());
        if begins
            && connection.pooled
            && let Some(pool) = connection.pool()
        {
            self.pools.closing(&pool, cookie, step.header.ktime_ns, step.task.tgid != 0);
        }
        let Some(pending) = connection.pending.as_mut() else { return true };
        if begins {
            self.unsettled.enters(step.header.ktime_ns);
        } else if let Some(habit) = self.closing_habits.note(pending.facts()) {
            pending.facts_mut().closing_habit = Some(habit);
        }
        let due = settle::due(pending, connection.role);
        if pending.orphan.is_none() && settle::leaves_an_orphan(pending) {
            let orphan = (connection.netns, Ends::new(&connection.endpoints));
            pending.orphan = Some(orphan);
            self.pending_ends.insert(orphan, cookie);
        }
        if pending.due_ns != Some(due) {
            pending.due_ns = Some(due);
            self.due.push(due, cookie);
        }
        let other = pending.other_cookie.filter(|_| settle::said_all_ns(pending).is_some());
        if begins {
            let holder = connection.process.and_then(|holder| holder.pid);
            let closing = (step.task.tgid != 0).then_some(step.task.tgid);
            self.workloads.want(connection.cgroup_netns(), holder.or(closing));
            if let Some(other) = self.find_other_end(cookie) {
                self.peer_has_ended(cookie, other);
            }
        } else if let Some(other) = other {
            self.peer_has_ended(other, cookie);
        }
        true
    }

    /// The close of `cookie` is settled sooner if `other`, the other end on this host, can send no more.
    fn peer_has_ended(&mut self, cookie: u64, other: u64) {
        let other = self.connections.get(&other).and_then(|other| other.pending.as_deref());
        let Some(said_all_ns) = other.and_then(settle::said_all_ns) else { return };
        let Some(connection) = self.connections.get_mut(&cookie) else { return };
        let Some(pending) = connection.pending.as_deref_mut() else { return };
        pending.peer_said_all_ns = Some(said_all_ns);
        let due = settle::due(pending, connection.role);
        if pending.due_ns != Some(due) {
            pending.due_ns = Some(due);
            self.due.push(due, cookie);
        }
    }

    pub(super) fn exchange(&mut self, record: ExchangeBytes<'_>, note: NoteExchange) {
        let (cookie, seen_ns) = (record.header.cookie, record.header.ktime_ns);
        if let Some(connection) = self.connections.get_mut(&cookie) {
            let is_whole = is_whole(&self.coverage, connection, seen_ns);
            note(connection, boxed(record), is_whole);
        } else if let Some(known) = self.recent.by_cookie(cookie) {
            let is_whole = is_whole(&self.coverage, &known.connection, seen_ns);
            note(&mut known.connection, boxed(record), is_whole);
            self.amend(cookie);
        }
    }

    pub(super) fn conversation(&mut self, record: &ConversationRecord) {
        let (cookie, seen_ns) = (record.header.cookie, record.header.ktime_ns);
        if let Some(connection) = self.connections.get_mut(&cookie) {
            if is_whole(&self.coverage, connection, seen_ns) {
                connection.conversation(&record.conversation);
            }
        } else if let Some(known) = self.recent.by_cookie(cookie)
            && is_whole(&self.coverage, &known.connection, seen_ns)
        {
            known.connection.conversation(&record.conversation);
            self.amend(cookie);
        }
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        let (cookie, tick) = (progress.header.cookie, self.tick);
        let known = self.connections.get_mut(&cookie);
        // A pool may write to a connection that it has left lying.
        let known = known.or_else(|| Some(&mut self.recent.by_cookie(cookie)?.connection));
        let seen_ns = progress.header.ktime_ns;
        let Some((connection, seen)) = known.and_then(|known| {
            if !is_whole(&self.coverage, known, seen_ns) {
                return None;
            }
            let seen = so_far(progress, known.protocol)?;
            Some((known, seen))
        }) else {
            return;
        };
        let requests = connection.counted.adds(&seen, connection.is_followed(), tick);
        connection.counted.note(&seen);
        if requests.reused > 0
            && let Some(pool) = connection.pool()
        {
            self.pools.reuses(&pool);
        }
        self.progressed.push(Progressed {
            role: connection.role,
            ends: Ends::new(&connection.endpoints),
            process: connection.process,
            workload: self.workloads.of(connection.cgroup_netns()).cloned(),
            requests,
        });
    }

    pub(super) fn settle_one(&mut self, cookie: u64, due: u64, now_ns: u64) -> Option<ClosedConnection> {
        let connection = self.connections.get(&cookie)?;
        let pending = connection.pending.as_deref()?;
        if pending.due_ns != Some(due) {
            return None;
        }
        if settle::is_abandoned(pending) && !judge(pending.facts(), self.options).phase().is_idle() {
            // In flight: what the process does next decides.
            return None;
        }
        if let Some(due) = self.waits_for_other_end(cookie, now_ns) {
            let pending = self.connections.get_mut(&cookie)?.pending.as_deref_mut()?;
            (pending.has_waited, pending.due_ns) = (true, Some(due));
            self.due.push(due, cookie);
            return None;
        }
        self.finish(cookie, now_ns)
    }

    /// Takes a connection out of the table; the report of its close, if one had begun.
    pub(super) fn finish(&mut self, cookie: u64, now_ns: u64) -> Option<ClosedConnection> {
        let mut connection = self.connections.remove(&cookie)?;
        self.tally.leaves(connection.state_key());
        self.totals.closed += 1;
        if let Some(facts) = connection.facts() {
            self.unsettled.leaves(facts.first.header.ktime_ns);
        }
        self.has_ended(cookie, &connection);
        self.note_reachability(&mut connection);
        let known = connection.pending.as_deref_mut().and_then(Pending::take_judgement);
        let closed = self.remove_from_pool(cookie, &connection, known);
        let pending = connection.pending.as_deref()?;
        let orphan = pending.orphan;
        if let Some(orphan) = orphan
            && self.pending_ends.get(&orphan) == Some(&cookie)
        {
            self.pending_ends.remove(&orphan);
        }
        let closed = closed?;
        self.tell_other_end(&connection, &closed);
        if let Some(lost) = lost_request(&connection, &closed) {
            self.retries.expect(cookie, lost);
        }
        // A request can only be lost to an idle close by the server.
        if closed.verdict == Verdict::ServerIdle && settle::may_be_met_late(pending) {
            let (verdict, outcome) = (closed.verdict, closed.request_totals);
            if let Some(outcome) = &outcome {
                connection.counted.note(outcome);
            }
            let unanswered = outcome.map_or(0, |outcome| outcome.unanswered);
            self.recent.remember(
                now_ns,
                cookie,
                RecentClose { connection, verdict, time: closed.time, unanswered, orphan },
            );
        }
        Some(closed)
    }

    /// The report of a connection that leaves its pools.
    fn remove_from_pool(
        &mut self,
        cookie: u64,
        connection: &Connection,
        known: Option<ClosedConnection>,
    ) -> Option<ClosedConnection> {
        let at_ns = connection.facts().map(|facts| facts.first.header.ktime_ns);
        let closed = at_ns.and_then(|at_ns| self.report(cookie, connection, self.wall_time(at_ns), known));
        let Some(pool) = connection.pool().filter(|_| connection.pooled) else { return closed };
        if let Some(close) = &closed {
            self.pools.settled(&pool, cookie, close.idle);
            if close.requests_started.is_some_and(|begun| begun > 1) {
                self.pools.reuses(&pool);
            }
        }
        self.pools.gone(&pool, connection.pending.is_some());
        closed
    }

    /// Given up, by a timer or a process, with bytes that were never acknowledged: whether others reached the same place
    /// meanwhile.
    fn note_reachability(&self, connection: &mut Connection) {
        let Some(first) = connection.pending.as_deref().map(|pending| pending.facts().first) else { return };
        if first.err != facts::ETIMEDOUT && first.retransmits == 0 {
            return;
        }
        let (netns, role, ends) = (connection.netns, connection.role, Ends::new(&connection.endpoints));
        let woken = connection.facts().and_then(woken_at);
        let others = woken.is_some_and(|since| self.reachability.is_reached(netns, role, &ends, since));
        if let Some(pending) = &mut connection.pending {
            pending.facts_mut().peer_reachable = others;
        }
    }

    /// The finished close: classified, unless that is `known`, then explained by what happened around it.
    pub(super) fn report(
        &self,
        cookie: u64,
        connection: &Connection,
        time: Timestamp,
        known: Option<ClosedConnection>,
    ) -> Option<ClosedConnection> {
        let pending = connection.pending.as_deref()?;
        let identity = identity(cookie, connection, time)?;
        let other = self.known_of_other_end(connection);
        let detail = self.options.detail;
        // The other end asked before: nothing has come since.
        let known = known.filter(|close| !detail.covers(close.verdict));
        let mut close = match known {
            Some(close) => close.settled(cookie, time),
            None => judge(pending.facts(), self.options).record(identity, detail),
        };
        close.workload = self.workloads.of(connection.cgroup_netns()).cloned();
        let peer = other.map(|other| other.identity).or_else(|| self.identity_of_other_end(connection));
        close.peer = peer.map(|peer| peer.known(close.ends.remote, &self.workloads));
        close.community_id = CommunityId::of(&close.ends);
        close.flow_id = FlowId::of(connection.role, &pending.facts().first);
        self.correlate(cookie, connection, &mut close);
        let before = close.verdict;
        if let Some(other) = other
            && join::join(&mut close, &pending.facts().first, &other)
        {
            if detail.covers(close.verdict) && !detail.covers(before) {
                // Words are made for few closes, and only now this one is known to be among them.
                close.evidence =
                    judge(pending.facts(), self.options).record(identity, EvidenceDetail::All).evidence;
            }
            self.add_evidence(&mut close, || {
                "the other end is on this host, and gave what it knows".to_owned()
            });
        }
        if !self.options.detail.covers(close.verdict) {
            close.evidence.clear();
        }
        close.uncounted = close
            .request_totals
            .map(|outcome| connection.counted.adds(&outcome, connection.is_followed(), self.tick));
        Some(close)
    }

    /// The wall-clock time of a CLOCK_MONOTONIC reading, as the clocks stand now.
    pub(super) fn wall_time(&self, at_ns: u64) -> Timestamp {
        let since_epoch = i128::from(self.wall_ahead_ns) + i128::from(at_ns);
        Timestamp::from_nanosecond(since_epoch).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Takes in an exchange, which may not have been read whole.
type NoteExchange = fn(&mut Connection, Box<Exchange>, bool);

/// Everything that was said on the connection so far has been read.
fn is_whole(coverage: &Coverage, connection: &Connection, seen_ns: u64) -> bool {
    coverage.is_whole(&connection.endpoints, connection.begun_ns, seen_ns)
}

fn boxed(record: ExchangeBytes<'_>) -> Box<Exchange> {
    let mut exchange = Box::new(Exchange::new_zeroed());
    record.read_into(&mut exchange);
    exchange
}

/// Whose close it is.
pub(super) fn identity(cookie: u64, connection: &Connection, time: Timestamp) -> Option<Identity> {
    let pending = connection.pending.as_deref()?;
    Some(Identity {
        cookie,
        time,
        ends: Ends::new(&connection.endpoints),
        netns: connection.netns,
        holder: connection.process,
        closed_by: pending.closed_by.as_ref().and_then(ClosedBy::from_task),
    })
}

/// The request that a client's race lost, when it can be recognised should it be sent again.
pub(super) fn lost_request(connection: &Connection, closed: &ClosedConnection) -> Option<Lost> {
    if closed.verdict != Verdict::IdleRace || closed.role != Role::Client {
        return None;
    }
    let pending = connection.pending.as_deref()?;
    let known = pending.facts().last.as_ref().unwrap_or(&pending.facts().first).header.jiffies;
    let exchange = pending.facts().exchange_after.as_deref().or(pending.facts().exchange.as_deref())?;
    Lost::of(exchange, closed.process?.pid?, known)
}
