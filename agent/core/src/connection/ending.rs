//! How connections go through their ends and out of the table.

use whohungup_ebpf::{
    event::{Progress, Transition},
    exchange::{Exchange, ExchangeRecord},
};

use super::{
    connection::{Connection, Process},
    recent::RecentClose,
    report::{ClosedBy, Ends, Report},
    requests::{Progressed, so_far},
    retries::Lost,
    settle,
    tracker::Tracker,
};
use crate::{
    close::{classify, facts, woken_at},
    labels::{Role, Verdict},
};

impl Tracker {
    pub(super) fn step(&mut self, step: &Transition) {
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
    pub(super) fn step_known(&mut self, cookie: u64, step: &Transition) -> bool {
        let Some(connection) = self.connections.get_mut(&cookie) else { return false };
        let (begins, before) = (connection.pending.is_none(), connection.standing());
        connection.step(step);
        self.tally.moves(before, connection.standing());
        if begins
            && connection.pooled
            && let Some(pool) = connection.pool()
        {
            self.siblings.closing(&pool, cookie, step.header.ktime_ns, step.task.tgid != 0);
        }
        let Some(pending) = connection.pending.as_mut() else { return true };
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
        true
    }

    pub(super) fn exchange(&mut self, record: &ExchangeRecord, note: fn(&mut Connection, &Exchange)) {
        let cookie = record.header.cookie;
        if let Some(connection) = self.connections.get_mut(&cookie) {
            note(connection, &record.exchange);
        } else if let Some(known) = self.recent.by_cookie(cookie) {
            note(&mut known.connection, &record.exchange);
            self.amend(cookie);
        }
    }

    pub(super) fn progress(&mut self, progress: &Progress) {
        let (cookie, tick) = (progress.header.cookie, self.tick);
        let known = self.connections.get_mut(&cookie);
        // A pool may write to a connection that it has left lying.
        let known = known.or_else(|| Some(&mut self.recent.by_cookie(cookie)?.connection));
        let Some((connection, seen)) = known.zip(so_far(progress)) else { return };
        let requests = connection.counted.adds(&seen, connection.is_followed(), tick);
        connection.counted.note(&seen);
        if requests.reused > 0
            && let Some(pool) = connection.pool()
        {
            self.siblings.reuses(&pool);
        }
        self.progressed.push(Progressed {
            role: connection.role,
            ends: Ends::new(&connection.endpoints),
            process: connection.process,
            requests,
        });
    }

    pub(super) fn settle_one(&mut self, cookie: u64, due: u64, now_ns: u64) -> Option<Report> {
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
        self.tally.leaves(connection.standing());
        self.totals.closed += 1;
        self.note_who_gets_through(&mut connection);
        let report = self.take_leave(cookie, &connection);
        let pending = connection.pending.as_deref()?;
        let orphan = pending.orphan;
        if let Some(orphan) = orphan
            && self.pending_ends.get(&orphan) == Some(&cookie)
        {
            self.pending_ends.remove(&orphan);
        }
        let report = report?;
        if let Some(lost) = lost_request(&connection, &report) {
            self.retries.expect(cookie, lost);
        }
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

    /// The report of a connection that leaves its siblings.
    fn take_leave(&mut self, cookie: u64, connection: &Connection) -> Option<Report> {
        let report = self.report(cookie, connection);
        let Some(pool) = connection.pool().filter(|_| connection.pooled) else { return report };
        if let Some(Report { close, .. }) = &report {
            self.siblings.settled(&pool, cookie, close.idle);
            if close.requests_begun.is_some_and(|begun| begun > 1) {
                self.siblings.reuses(&pool);
            }
        }
        self.siblings.gone(&pool, connection.pending.is_some());
        report
    }

    /// Given up by a timer: whether others reached the same place meanwhile.
    fn note_who_gets_through(&self, connection: &mut Connection) {
        let Some(first) = connection.pending.as_deref().map(|pending| pending.first) else { return };
        if first.err != facts::ETIMEDOUT {
            return;
        }
        let (netns, role, ends) = (connection.netns, connection.role, Ends::new(&connection.endpoints));
        let woken = connection.facts(self.tick).and_then(|facts| woken_at(&facts));
        let others = woken.is_some_and(|since| self.reached.is_reached(netns, role, &ends, since));
        if let Some(pending) = &mut connection.pending {
            pending.others_get_through = others;
        }
    }

    pub(super) fn report(&self, cookie: u64, connection: &Connection) -> Option<Report> {
        let facts = connection.facts(self.tick)?;
        let pending = connection.pending.as_deref()?;
        let mut close = classify(&facts, self.options);
        self.explain(cookie, connection, &mut close);
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

/// The request that a client's race lost, when it can be recognised should it be sent again.
pub(super) fn lost_request(connection: &Connection, report: &Report) -> Option<Lost> {
    if report.close.verdict != Verdict::IdleRace || report.close.role != Role::Client {
        return None;
    }
    let pending = connection.pending.as_deref()?;
    let known = pending.last.as_ref().unwrap_or(&pending.first).header.jiffies;
    let exchange = pending.exchange_after.as_deref().or(pending.exchange.as_deref())?;
    Lost::of(exchange, report.process?.pid?, known)
}
