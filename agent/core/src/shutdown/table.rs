//! The newest shutdowns, and those that lost something; fed with what happens.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Shutdown, SignalSent, missing};
use crate::{
    close::{ClosedConnection, Loss, LossReason, loss},
    connection::{ListenerEnded, SentSignal},
    labels::{Role, Verdict},
};

/// Shutdowns that are kept: the newest, and those that lost something before others.
pub const SHUTDOWNS: usize = 256;
/// Signals that are remembered, and of one shutdown those that are shown.
const SIGNALS: usize = 1024;
const SHOWN: usize = 4;
/// A process may take this long from being told to stop listening: a `preStop` hook comes before the signal, a drain after it.
const SIGNALLED_NS: u64 = 600_000_000_000;
/// A signal to another process of its workload told it to stop no longer ago than this.
const SIGNALLED_WORKLOAD_NS: u64 = 90_000_000_000;
/// After its listener's end this long.
const FOLLOWED_NS: u64 = 65_000_000_000;
/// Listeners of one process at several addresses end one after the other.
const SAME_NS: i64 = 50_000_000;
/// Idle connections that are closed within this time were closed with the listener, seconds.
const WITH_LISTENER: f64 = 1.0;

/// What happened to servers that stopped. Bounded.
#[derive(Debug, Default)]
pub struct Shutdowns {
    newest: VecDeque<Shutdown>,
    signals: VecDeque<SentSignal>,
}

impl Shutdowns {
    /// A process got a signal.
    pub fn signal(&mut self, sent: SentSignal) {
        if self.signals.len() >= SIGNALS {
            self.signals.pop_front();
        }
        self.signals.push_back(sent);
        for shutdown in self.newest.iter_mut().rev() {
            if sent.at_ns.saturating_sub(shutdown.at_ns) > FOLLOWED_NS {
                break;
            }
            if is_for(&sent, shutdown) && sent.at_ns >= shutdown.at_ns {
                add(shutdown, &sent);
                shutdown.missing = missing::of(shutdown);
            }
        }
    }

    /// A process stopped listening.
    pub fn ended(&mut self, ended: &ListenerEnded, time: Timestamp) -> &Shutdown {
        let mut shutdown = Shutdown::new(ended, time);
        for sent in &self.signals {
            if is_for(sent, &shutdown) {
                add(&mut shutdown, sent);
            }
        }
        if self.newest.len() >= SHUTDOWNS {
            // The metrics count all. A program that listens for a moment, again and again, drives out no loss.
            let lost_nothing = self.newest.iter().position(|shutdown| shutdown.lost() == 0);
            self.newest.remove(lost_nothing.unwrap_or(0));
        }
        self.newest.push_back(shutdown);
        &self.newest[self.newest.len() - 1]
    }

    /// A settled close of a server's connection whose listener had ended. Returns the requests that the shutdown cost by it.
    pub fn close(&mut self, closed: &ClosedConnection) -> Option<(&Shutdown, LossReason, u64)> {
        let after = closed.after_listener.filter(|_| closed.role == Role::Server)?;
        let listener_ns = closed.at_ns as i64 - (after * 1e9) as i64;
        let port = closed.server_port?;
        let apart = |shutdown: &Shutdown| (shutdown.at_ns as i64 - listener_ns).abs();
        let is_its = |shutdown: &&mut Shutdown| {
            shutdown.server_port == port && shutdown.netns == closed.netns && apart(shutdown) <= SAME_NS
        };
        let shutdown = self.newest.iter_mut().filter(is_its).min_by_key(|shutdown| apart(shutdown))?;
        let lost = match loss(closed) {
            Some((Loss::Lost(reason), count)) => Some((reason, u64::from(count))),
            _ => None,
        };
        if !closed.amends {
            let quiet = closed.idle.or(closed.request).or(closed.silent);
            let newest =
                quiet.filter(|_| closed.requests_started.unwrap_or(0) > 0).map(|quiet| after - quiet);
            shutdown.last_request = newest.into_iter().chain(shutdown.last_request).reduce(f64::max);
        }
        match lost {
            Some((LossReason::IdleRace, count)) => {
                shutdown.races += count;
                // It was counted as one without a loss.
                shutdown.ended = shutdown.ended.saturating_sub(u64::from(closed.amends));
                shutdown.idle_left = shutdown.idle_left.min(shutdown.ended);
            }
            Some((_, count)) => match shutdown.cut.iter_mut().find(|(phase, _)| *phase == closed.phase) {
                Some((_, known)) => *known += count,
                None => shutdown.cut.push((closed.phase, count)),
            },
            None if closed.amends => {}
            None => {
                shutdown.ended += 1;
                let is_idle = matches!(closed.verdict, Verdict::ServerIdle | Verdict::ClientIdle);
                let exits = closed.closed_by.is_some_and(|by| by.exiting);
                shutdown.idle_left += u64::from(is_idle && (exits || after > WITH_LISTENER));
            }
        }
        shutdown.missing = missing::of(shutdown);
        lost.map(|(reason, count)| (&*shutdown, reason, count))
    }

    /// So many connects were refused at `port` since its listener ended; returns the shutdown, and how many are new.
    pub fn refused(&mut self, netns: u32, port: u16, count: u64) -> Option<(&Shutdown, u64)> {
        let is_it = |shutdown: &&mut Shutdown| {
            shutdown.netns == netns && shutdown.server_port == port && !shutdown.replaced
        };
        let shutdown = self.newest.iter_mut().rev().find(is_it)?;
        let new = count.saturating_sub(shutdown.refused);
        shutdown.refused += new;
        shutdown.missing = missing::of(shutdown);
        (new > 0).then_some((shutdown, new))
    }

    /// The newest, oldest first.
    pub fn newest(&self) -> impl DoubleEndedIterator<Item = &Shutdown> {
        self.newest.iter()
    }
}

/// Its own, or its workload's where the process that a runtime tells is another one.
fn is_for(sent: &SentSignal, shutdown: &Shutdown) -> bool {
    let ago = shutdown.at_ns.saturating_sub(sent.at_ns);
    let pid = shutdown.process.and_then(|process| process.pid);
    if pid == Some(sent.pid) {
        return ago <= SIGNALLED_NS;
    }
    // Each process that is killed gets a signal of its own.
    let is_same = shutdown.workload.is_some() && sent.cgroup_id != 0 && sent.cgroup_id == shutdown.cgroup_id;
    is_same && sent.signal.asks_to_end() && ago <= SIGNALLED_WORKLOAD_NS
}

/// Each kind once, as it first came.
fn add(shutdown: &mut Shutdown, sent: &SentSignal) {
    let SentSignal { signal, ignored, .. } = *sent;
    if shutdown.signals.len() < SHOWN && shutdown.signals.iter().all(|known| known.signal != signal) {
        let before = (shutdown.at_ns as i64 - sent.at_ns as i64) as f64 / 1e9;
        shutdown.signals.push(SignalSent { signal, before, ignored });
    }
}

#[cfg(test)]
mod tests;
