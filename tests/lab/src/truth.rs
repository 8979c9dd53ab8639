//! What is true of one close, in the words of docs/verdicts.md.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::suite;

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Side {
    Client,
    Server,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Client, Self::Server];

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// Who ended a connection first on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Closer {
    Client,
    Server,
    /// Neither had seen the other's end.
    Both,
}

impl From<Side> for Closer {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Self::Client,
            Side::Server => Self::Server,
        }
    }
}

impl Closer {
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Whether this end was first, alone or with the other.
    pub(crate) fn is(self, side: Side) -> bool {
        self == Self::Both || self == side.into()
    }
}

/// The first segment that ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum CloseType {
    Fin,
    Rst,
}

impl CloseType {
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// Where the exchange stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// The connection was never made.
    Connecting,
    Unused,
    RequestHead,
    RequestBody,
    Waiting,
    Response,
    Idle,
    Tunnel,
}

impl Phase {
    pub fn word(self) -> &'static str {
        self.into()
    }

    pub fn letter(self) -> char {
        match self {
            Self::Connecting => 'C',
            Self::Unused => 'U',
            Self::RequestHead => 'H',
            Self::RequestBody => 'B',
            Self::Waiting => 'W',
            Self::Response => 'R',
            Self::Idle => 'I',
            Self::Tunnel => 'T',
        }
    }

    /// Whether an exchange is open in it.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::RequestHead | Self::RequestBody | Self::Waiting | Self::Response)
    }
}

/// How a request met an idle close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Race {
    Crossed,
    Stale,
    Unread,
    OwnTimer,
}

impl Race {
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// The right answer about a close, the same from both ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Truth {
    pub closer: Closer,
    pub close_type: CloseType,
    pub phase: Phase,
    /// Requests started and not fully answered.
    pub in_flight: u32,
    pub verdict: &'static str,
    pub race: Option<Race>,
    /// Seconds from the end of the last response to the first FIN or RST, where a capture shows it; `None` while an
    /// exchange was open, or before the first.
    pub idle: Option<f64>,
    /// Answered in full, where a capture shows it.
    pub requests: u32,
}

impl Truth {
    /// An end that nobody had announced.
    pub fn plain(closer: Side, close_type: CloseType, phase: Phase, in_flight: u32) -> Self {
        let verdict = match (phase, closer) {
            (Phase::Tunnel, _) => "tunnel-end",
            (Phase::Unused | Phase::Idle, Side::Client) => "client-idle",
            (Phase::Unused | Phase::Idle, Side::Server) => "server-idle",
            _ => "premature-hangup",
        };
        let closer = closer.into();
        Self { closer, close_type, phase, in_flight, verdict, race: None, idle: None, requests: 0 }
    }

    /// The exchange is complete, and one of its messages (or the program's own end) had said that it is the last.
    pub fn completed(closer: Side, close_type: CloseType) -> Self {
        Self { verdict: "completed", ..Self::plain(closer, close_type, Phase::Idle, 0) }
    }

    pub(crate) fn lost(self, race: Race) -> Self {
        Self { verdict: "idle-race", race: Some(race), ..self }
    }

    pub fn code(&self) -> String {
        let closer = match self.closer {
            Closer::Client => 'C',
            Closer::Server => 'S',
            Closer::Both => 'B',
        };
        [closer, self.phase.letter()].iter().collect()
    }

    /// The verdict, or the kind of the race.
    pub fn word(&self) -> &'static str {
        self.race.map_or(self.verdict, Race::word)
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { close_type, in_flight, .. } = self;
        write!(f, "{} {} {} in_flight={in_flight}", self.code(), self.word(), close_type.word())
    }
}

/// As which end of the connection a piece of software was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Row {
    pub part: Side,
    pub software: &'static str,
}

/// One connection that ended, and what is true of it.
#[derive(Debug, Clone, Serialize)]
pub struct Connection {
    /// What was played.
    pub label: String,
    /// What the tables tell apart, coarsest first.
    pub group: [&'static str; 2],
    pub client: SocketAddr,
    pub server: SocketAddr,
    /// The network namespaces of the client and of the server.
    #[serde(skip)]
    pub(crate) namespaces: [u64; 2],
    pub truth: Truth,
}

impl Connection {
    /// Of a connection whose both ends are in the lab's own network namespace.
    pub(crate) fn here(
        label: String,
        group: [&'static str; 2],
        [client, server]: [SocketAddr; 2],
        truth: Truth,
    ) -> Self {
        Self { label, group, client, server, namespaces: [suite::own_namespace(); 2], truth }
    }

    /// The sockets that the agent has to report, as (end, local, remote): of a connection that was refused one end only.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (Side, SocketAddr, SocketAddr)> {
        let has_server = self.truth.phase != Phase::Connecting;
        let both = [(Side::Client, self.client, self.server), (Side::Server, self.server, self.client)];
        both.into_iter().filter(move |(end, ..)| has_server || *end == Side::Client)
    }
}

/// All that was played.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Played {
    pub closes: Vec<Connection>,
    /// What did not go as its script says, and why: it proves nothing about the agent.
    pub invalid: Vec<String>,
}

impl Played {
    pub fn extend(&mut self, other: Self) {
        self.closes.extend(other.closes);
        self.invalid.extend(other.invalid);
    }

    pub fn invalid(&mut self, row: Row, case: &str, why: impl fmt::Display) {
        self.invalid.push(format!("{} as {}, {case}: {why}", row.software, row.part.word()));
    }
}
