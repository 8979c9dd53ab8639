//! Causes that no close shows alone: what happened to its listener, and to its pools.

use super::{
    entry::{Connection, Pending},
    pools::is_shutdown,
    tracker::Tracker,
};
use crate::http::Goaway;
use crate::identity::Ends;
use crate::{
    close::{ClosedConnection, facts::is_exiting, judge},
    labels::{Cause, Closer, Role, Verdict},
};

/// Idle times no further apart than this may be of one timer.
const SAME_TIMER_SECONDS: f64 = 0.020;
/// Nor those of which one is no more than half longer than the other: a pool that looks at its connections now and then
/// ends together what fell due since.
const POLLED_TIMER_RATIO: f64 = 1.5;
/// Timers end connections in order; one that resets them is purging (HAProxy's server side has no other way).
const PURGING_RATIO: f64 = 1.01;

impl Tracker {
    /// Names the cause of a close that this end made, where its surroundings prove one.
    pub(super) fn correlate(&self, cookie: u64, connection: &Connection, close: &mut ClosedConnection) {
        if connection.role == Role::Server {
            close.after_listener = self.after_listener(connection, close);
        }
        let Some(pending) = connection.pending.as_deref() else { return };
        if pending.facts().first.task.tgid == 0 {
            return;
        }
        match connection.role {
            Role::Server => self.correlate_server(connection, pending, close),
            Role::Client => self.correlate_client(cookie, connection, pending, close),
            Role::Unknown => {}
        }
    }

    fn correlate_server(&self, connection: &Connection, pending: &Pending, close: &mut ClosedConnection) {
        if !matches!(close.closer, Closer::Server | Closer::Both) {
            return;
        }
        let local = Ends::new(&connection.endpoints).local;
        if is_exiting(&pending.facts().first.task) {
            if self.listeners.at(connection.netns, local).is_some() {
                self.add_evidence(close, || {
                    format!("others still listen at port {}: one worker of several", local.port())
                });
            }
            return;
        }
        let Some(after) = close.after_listener else { return };
        let seconds = after.abs();
        if is_shutdown(after) {
            let is_goodbye =
                close.cause == Cause::H2Goaway && close.goaway.as_ref().is_some_and(Goaway::is_polite);
            if close.cause == Cause::Unknown || is_goodbye {
                close.cause = Cause::Shutdown;
            }
            let order = if after < 0.0 { "after" } else { "before" };
            self.add_evidence(close, || {
                format!("its listener was closed {:.1} ms {order} it", seconds * 1e3)
            });
        } else {
            self.add_evidence(close, || {
                format!("its listener had been closed {seconds:.1} s before: a shutdown that waited for it")
            });
        }
    }

    /// Seconds since its listener's end.
    fn after_listener(&self, connection: &Connection, close: &ClosedConnection) -> Option<f64> {
        let local = Ends::new(&connection.endpoints).local;
        let after = self.pools.after_listener(close.at_ns, connection.netns, local)? as f64 / 1e9;
        // One that was made later is of the listener that came after it: a server that was started again.
        close.age.is_none_or(|age| age >= after).then_some(after)
    }

    fn correlate_client(
        &self,
        cookie: u64,
        connection: &Connection,
        pending: &Pending,
        close: &mut ClosedConnection,
    ) {
        let is_open_question = matches!(close.cause, Cause::Unknown | Cause::LingerZero)
            && matches!(close.verdict, Verdict::ClientIdle | Verdict::Completed);
        let Some(pool) = connection.pool() else { return };
        if !is_open_question || is_exiting(&pending.facts().first.task) {
            return;
        }
        let others = self.pools.closed_with(&pool, cookie, close.at_ns);
        let ratio = if close.cause == Cause::LingerZero { PURGING_RATIO } else { POLLED_TIMER_RATIO };
        let is_other_timer = |&other: &(u64, Option<f64>)| {
            let theirs = other.1.or_else(|| self.idle_of(other.0));
            let apart = |(mine, theirs): (f64, f64)| {
                (mine - theirs).abs() > SAME_TIMER_SECONDS && mine.max(theirs) > ratio * mine.min(theirs)
            };
            close.idle.zip(theirs).is_some_and(apart)
        };
        let purged = others.iter().filter(|other| is_other_timer(other)).count();
        if purged > 0 {
            close.cause = Cause::PoolEvict;
            self.add_evidence(close, || {
                format!("closed together with {purged} others to the same server that had been idle for other times")
            });
        } else if close.verdict == Verdict::Completed
            && close.cause == Cause::Unknown
            && close.stray_bytes.is_none()
            && let Some(kept) = self.pools.kept(&pool).filter(|&kept| kept > 0)
        {
            close.cause = Cause::PoolEvict;
            self.add_evidence(close, || {
                format!("closed right after its response, while the process keeps {kept} others to the same server and uses them again")
            });
        }
    }

    /// Idle time of a close that is not settled yet.
    fn idle_of(&self, cookie: u64) -> Option<f64> {
        judge(self.connections.get(&cookie)?.facts()?, self.options).idle()
    }

    pub(super) fn add_evidence(&self, close: &mut ClosedConnection, words: impl FnOnce() -> String) {
        if self.options.detail.covers(close.verdict) {
            close.evidence.push(words());
        }
    }
}
