//! Causes that no close shows alone: what happened to its listener, and to its siblings.

use super::{
    connection::{Connection, Pending},
    report::Ends,
    siblings::is_shutdown,
    tracker::Tracker,
};
use crate::{
    close::{Close, classify, facts::is_exiting},
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
    pub(super) fn explain(&self, cookie: u64, connection: &Connection, close: &mut Close) {
        if connection.role == Role::Server {
            close.after_listener = self.after_listener(connection, close);
        }
        let Some(pending) = connection.pending.as_deref() else { return };
        if pending.first.task.tgid == 0 {
            return;
        }
        match connection.role {
            Role::Server => self.explain_server(connection, pending, close),
            Role::Client => self.explain_client(cookie, connection, pending, close),
            Role::Unknown => {}
        }
    }

    fn explain_server(&self, connection: &Connection, pending: &Pending, close: &mut Close) {
        if !matches!(close.closer, Closer::Server | Closer::Both) {
            return;
        }
        let local = Ends::new(&connection.endpoints).local;
        if is_exiting(&pending.first.task) {
            if self.listeners.at(connection.netns, local).is_some() {
                self.tell(close, || {
                    format!("others still listen at port {}: one worker of several", local.port())
                });
            }
            return;
        }
        let Some(after) = close.after_listener else { return };
        let seconds = after.abs();
        if is_shutdown(after) {
            if close.cause == Cause::Unknown {
                close.cause = Cause::Shutdown;
            }
            let order = if after < 0.0 { "after" } else { "before" };
            self.tell(close, || format!("its listener was closed {:.1} ms {order} it", seconds * 1e3));
        } else {
            self.tell(close, || {
                format!("its listener had been closed {seconds:.1} s before: a shutdown that waited for it")
            });
        }
    }

    /// Seconds since its listener's end.
    fn after_listener(&self, connection: &Connection, close: &Close) -> Option<f64> {
        let local = Ends::new(&connection.endpoints).local;
        let after = self.siblings.after_listener(close.at_ns, connection.netns, local)? as f64 / 1e9;
        // One that was made later is of the listener that came after it: a server that was started again.
        close.age.is_none_or(|age| age >= after).then_some(after)
    }

    fn explain_client(&self, cookie: u64, connection: &Connection, pending: &Pending, close: &mut Close) {
        let is_open_question = matches!(close.cause, Cause::Unknown | Cause::LingerZero)
            && matches!(close.verdict, Verdict::ClientIdle | Verdict::Completed);
        let Some(pool) = connection.pool() else { return };
        if !is_open_question || is_exiting(&pending.first.task) {
            return;
        }
        let others = self.siblings.closed_with(&pool, cookie, close.at_ns);
        let ratio = if close.cause == Cause::LingerZero { PURGING_RATIO } else { POLLED_TIMER_RATIO };
        let not_mine = |&other: &(u64, Option<f64>)| {
            let theirs = other.1.or_else(|| self.idle_of(other.0));
            let apart = |(mine, theirs): (f64, f64)| {
                (mine - theirs).abs() > SAME_TIMER_SECONDS && mine.max(theirs) > ratio * mine.min(theirs)
            };
            close.idle.zip(theirs).is_some_and(apart)
        };
        let purged = others.iter().filter(|other| not_mine(other)).count();
        if purged > 0 {
            close.cause = Cause::PoolEvict;
            self.tell(close, || {
                format!("closed together with {purged} others to the same server that had been idle for other times")
            });
        } else if close.verdict == Verdict::Completed
            && close.cause == Cause::Unknown
            && let Some(kept) = self.siblings.kept(&pool).filter(|&kept| kept > 0)
        {
            close.cause = Cause::PoolEvict;
            self.tell(close, || {
                format!("closed right after its response, while the process keeps {kept} others to the same server and uses them again")
            });
        }
    }

    /// Idle time of a close that is not settled yet.
    fn idle_of(&self, cookie: u64) -> Option<f64> {
        let facts = self.connections.get(&cookie)?.facts(self.tick)?;
        classify(&facts, self.options).idle
    }

    fn tell(&self, close: &mut Close, words: impl FnOnce() -> String) {
        if self.options.tell.wants(close.verdict) {
            close.evidence.push(words());
        }
    }
}
