//! What a scenario promises about each close: the words of the verdict page, the counts and the clocks.

use std::fmt;
use std::net::SocketAddr;

use serde::Serialize;

/// The IP version that a scenario runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Family {
    /// IPv4, on an address of 127.0.0.0/8 that the seed chooses (or behind the relay).
    #[serde(rename = "ipv4")]
    V4,
    /// IPv6, on `::1`.
    #[serde(rename = "ipv6")]
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        })
    }
}

/// The role of a socket: who did the active open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The socket that called connect.
    Client,
    /// The socket that was accepted, or waited to be.
    Server,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// What has to be there for a scenario to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Needs {
    /// Any user on any Linux.
    Nothing,
    /// Root, or the capabilities to make network namespaces and to destroy sockets.
    NetAdmin,
}

/// One end of one close: what is true of it, and what was measured while it happened.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    /// The name of the scenario.
    pub scenario: &'static str,
    /// The IP version it ran over.
    pub family: Family,
    /// The seed it was played with.
    pub seed: u64,
    /// The role of this socket.
    pub end: End,
    /// What an observer must say about this end.
    pub expect: Expect,
    /// Addresses and clocks of this very run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// The right answer about one end of a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expect {
    /// The tag: `client-idle`, `server-idle`, `idle-race` and so on.
    pub verdict: &'static str,
    /// Who ended it first on the wire.
    pub closer: &'static str,
    /// `fin`, `rst`, `timeout` or `abort`.
    pub how: &'static str,
    /// The phase of the exchange at the first FIN or RST, or `connecting`.
    pub phase: &'static str,
    /// The kind of race, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub race: Option<&'static str>,
    /// The causes of which any is right.
    pub causes: &'static [&'static str],
    /// The two-letter code.
    pub code: &'static str,
    /// Requests begun and not fully answered at the first FIN or RST; `None` is not to be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
    /// Complete exchanges at the first FIN or RST; `None` is not to be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// The clocks that the plan fixes.
    pub clock: PlannedClock,
}

/// The clocks that the plan fixes, in milliseconds. What really passed is a little more: see [`Measured`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PlannedClock {
    /// From the end of the last response to the first FIN or RST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u32>,
    /// From the last payload byte either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u32>,
    /// From the first byte of the request in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_ms: Option<u32>,
}

/// What this end saw in this run, at the first FIN or RST (or at the timeout that took their place).
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The address of this socket.
    pub local: SocketAddr,
    /// The address of its peer.
    pub remote: SocketAddr,
    /// The inode of the network namespace this socket lives in.
    pub netns: u64,
    /// Since the end of the last response; absent before the first one and while a request is in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<f64>,
    /// Since the last payload byte either way; absent when there never was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_seconds: Option<f64>,
    /// Since the first byte of the request in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_seconds: Option<f64>,
    /// Since the connection was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<f64>,
}

impl Expect {
    /// Starts from the five words; cause `unknown`, nothing counted, no clock fixed.
    pub(crate) const fn of(
        verdict: &'static str,
        closer: &'static str,
        how: &'static str,
        phase: &'static str,
        code: &'static str,
    ) -> Self {
        Self {
            verdict,
            closer,
            how,
            phase,
            race: None,
            causes: &["unknown"],
            code,
            in_flight: None,
            requests: None,
            clock: PlannedClock { idle_ms: None, silent_ms: None, request_ms: None },
        }
    }

    pub(crate) const fn how(mut self, how: &'static str) -> Self {
        self.how = how;
        self
    }

    pub(crate) const fn race(mut self, kind: &'static str) -> Self {
        self.race = Some(kind);
        self
    }

    pub(crate) const fn causes(mut self, causes: &'static [&'static str]) -> Self {
        self.causes = causes;
        self
    }

    pub(crate) const fn in_flight(mut self, count: u32) -> Self {
        self.in_flight = Some(count);
        self
    }

    pub(crate) const fn served(mut self, count: u32) -> Self {
        self.requests = Some(count);
        self
    }

    pub(crate) const fn idle_ms(mut self, ms: u32) -> Self {
        self.clock.idle_ms = Some(ms);
        self
    }

    pub(crate) const fn silent_ms(mut self, ms: u32) -> Self {
        self.clock.silent_ms = Some(ms);
        self
    }

    pub(crate) const fn request_ms(mut self, ms: u32) -> Self {
        self.clock.request_ms = Some(ms);
        self
    }
}
