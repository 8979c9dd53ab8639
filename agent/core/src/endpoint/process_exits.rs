//! What happens to an endpoint's connections when its process ends or its listener is closed.

use serde::{Deserialize, Serialize};

use crate::{
    close::ClosedConnection,
    connection::is_shutdown,
    identity::ExitStatus,
    labels::{Cause, Verdict},
};

/// Ways of ending that are distinguished at one endpoint.
const WAYS: usize = 3;

/// What was seen of stops.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exits {
    /// Requests under way that ended with their process, by how that ended, most first; beyond three ways the rest is left out.
    pub cut_off: Vec<(ExitStatus, u64)>,
    /// Idle connections that were closed with their listener.
    pub idle_closed: u64,
    /// Idle connections that outlived it.
    pub idle_left: u64,
    /// For how long at most, seconds.
    pub waited: Option<f64>,
    /// Of those that were cut off, the newest process was told to stop: SIGTERM, SIGINT, SIGQUIT.
    #[serde(default)]
    pub signalled: bool,
}

/// The same as it is kept of an endpoint, in few bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExitCounts {
    /// As wait(2) encodes an end, and how often; those that are not in use have no count.
    cut_off: [(u32, u32); WAYS],
    idle_closed: u32,
    idle_left: u32,
    waited: f32,
    signalled: bool,
}

impl ExitCounts {
    pub(super) fn add(&mut self, closed: &ClosedConnection) {
        let close = closed;
        if close.verdict == Verdict::PrematureHangup
            && matches!(close.cause, Cause::ProcessExit | Cause::ProcessKilled | Cause::OomKilled)
            // The other end of the connection knows the cause as well.
            && let Some(by) = closed.closed_by.filter(|by| by.exiting)
        {
            let end = by.signal.unwrap_or_else(|| by.status.unwrap_or(0) << 8);
            let known = |&&mut (known, count): &&mut (u32, u32)| count == 0 || known == end;
            if let Some((kept, count)) = self.cut_off.iter_mut().find(known) {
                (*kept, *count) = (end, count.saturating_add(1));
            }
        }
        let Some(after) = close.after_listener else { return };
        // One that ends with its response was not waited for idly.
        if !matches!(close.verdict, Verdict::ServerIdle | Verdict::ClientIdle | Verdict::IdleRace) {
            return;
        }
        if is_shutdown(after) {
            self.idle_closed = self.idle_closed.saturating_add(1);
        } else {
            self.idle_left = self.idle_left.saturating_add(1);
            self.waited = self.waited.max(after as f32);
        }
    }

    /// A process has stopped listening, by a signal or of itself.
    pub(super) const fn note_stop(&mut self, signalled: bool) {
        self.signalled = signalled;
    }

    pub(super) fn shown(&self) -> Exits {
        let seen = self.cut_off.iter().filter(|(_, count)| *count > 0);
        let mut cut_off: Vec<_> = seen.map(|&(end, count)| (ExitStatus::of(end), u64::from(count))).collect();
        cut_off.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Exits {
            cut_off,
            idle_closed: self.idle_closed.into(),
            idle_left: self.idle_left.into(),
            waited: (self.idle_left > 0).then_some(self.waited.into()),
            signalled: self.signalled && self.cut_off[0].1 > 0,
        }
    }
}

#[cfg(test)]
mod tests;
