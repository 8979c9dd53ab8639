//! The last hour of an endpoint by minute, and when its idle connections were closed.

mod minutes;

use crate::{
    close::ClosedConnection,
    histogram::{LogHistogram, PER_DECADE},
    identity::Ends,
    labels::{Closer, Role, Side, Verdict},
};

pub use minutes::{MINUTES, Minutes, begins_ns, minute};

/// What is counted of each minute: closes by verdict, and requests lost to idle closes.
pub const COUNTS: usize = Verdict::ALL.len() + 1;
pub const LOST: usize = Verdict::ALL.len();

/// From 10 ms to nearly three hours.
type IdleHistogram = LogHistogram<0, { 6 * PER_DECADE }>;

#[derive(Clone, Debug)]
pub struct LastHour {
    pub minutes: Minutes<COUNTS>,
    idle: [IdleHistogram; 2],
}

impl LastHour {
    pub(super) fn new() -> Self {
        Self { minutes: Minutes::new(0), idle: [IdleHistogram::new(), IdleHistogram::new()] }
    }

    /// Closes of idle connections by `side`: numbers of the bins that are not empty, and what they hold.
    pub fn idle(&self, side: Side) -> Vec<(u16, u32)> {
        self.idle[side as usize].filled().map(|(bin, count)| (bin as u16, count)).collect()
    }

    pub(super) fn close(&mut self, closed: &ClosedConnection) {
        let close = closed;
        let minute = minute(close.at_ns);
        self.minutes.add(minute, LOST, lost(closed));
        self.minutes.add(minute, close.verdict as usize, 1);
        if closed.amends {
            // It was counted as the idle close that it seemed to be.
            self.minutes.take(minute, Verdict::ServerIdle as usize);
            return;
        }
        let side = match (close.verdict, close.closer) {
            (Verdict::Completed, _) => return,
            (_, Closer::Client) => Side::Client,
            (_, Closer::Server) => Side::Server,
            _ => return,
        };
        if let Some(idle) = close.idle {
            self.idle[side as usize].add(idle);
        }
    }
}

/// Requests lost in the last hour. One that never left the host is seen at both ends, or at either.
#[derive(Clone, Debug)]
pub struct LostRequests {
    /// At clients and at servers of connections within the host, and of others.
    minutes: Minutes<3>,
}

impl LostRequests {
    pub(super) fn new() -> Self {
        Self { minutes: Minutes::new(0) }
    }

    pub(super) fn add(&mut self, closed: &ClosedConnection) {
        let what = match closed.role {
            Role::Client if is_within_host(&closed.ends) => 0,
            Role::Server if is_within_host(&closed.ends) => 1,
            _ => 2,
        };
        self.minutes.add(minute(closed.at_ns), what, lost(closed));
    }

    pub fn sum(&self, now: u64) -> u64 {
        self.minutes.sum(now, 0).max(self.minutes.sum(now, 1)) + self.minutes.sum(now, 2)
    }
}

/// Requests that met an idle close.
fn lost(closed: &ClosedConnection) -> u32 {
    let lost = || closed.uncounted.map_or(1, |requests| requests.unanswered.max(1));
    closed.race.map_or(0, |_| lost())
}

/// By its addresses; between containers of one host it does not show.
fn is_within_host(ends: &Ends) -> bool {
    ends.local.ip() == ends.remote.ip() || ends.local.ip().is_loopback()
}
