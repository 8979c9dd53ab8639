//! Which side closes idle connections first, as of late.

use crate::labels::Side;

/// Closes that the share is the mean of, at most.
const MEMORY: u32 = 64;
/// Closes by the other side after which a server's timer may no longer be what it was.
const LEAST_SILENCE: f32 = 32.0;
const SILENCE: f32 = 8.0;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdleCloserShare {
    closes: u32,
    /// Share of the newest closes that were the server's, 0 to 1.
    server: f32,
    /// Number of the server's newest close, and the share then.
    newest: u32,
    then: f32,
}

impl IdleCloserShare {
    pub(super) fn add(&mut self, side: Side) {
        self.closes = self.closes.saturating_add(1);
        let first = if side == Side::Server { 1.0 } else { 0.0 };
        self.server += (first - self.server) / self.closes.min(MEMORY) as f32;
        if side == Side::Server {
            (self.newest, self.then) = (self.closes, self.server);
        }
    }

    pub(super) fn closes(self) -> u32 {
        self.closes
    }

    /// Share of the server, 0 to 1.
    pub(super) fn server(self) -> f32 {
        self.server
    }

    /// The server has closed one lately enough that its timer is still what it was.
    pub(super) fn is_servers_current(self) -> bool {
        let silence = (self.closes - self.newest) as f32;
        self.newest > 0 && silence <= (SILENCE / self.then.max(f32::MIN_POSITIVE)).max(LEAST_SILENCE)
    }
}
