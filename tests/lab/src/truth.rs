//! What is true of one close, in the words of docs/verdicts.md.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

/// Who ended a connection; also the two ends of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Client,
    Server,
}

impl Side {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    pub fn letter(self) -> char {
        match self {
            Self::Client => 'C',
            Self::Server => 'S',
        }
    }
}

/// The first segment that said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    Fin,
    Rst,
}

impl How {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
        }
    }
}

/// Where the exchange stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
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
        match self {
            Self::Connecting => "connecting",
            Self::Unused => "unused",
            Self::RequestHead => "request-head",
            Self::RequestBody => "request-body",
            Self::Waiting => "waiting",
            Self::Response => "response",
            Self::Idle => "idle",
            Self::Tunnel => "tunnel",
        }
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

/// A column of the table: the phases, and apart from them what more than one request in flight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    Unused,
    Head,
    Body,
    Waiting,
    Pipelined,
    Response,
    Idle,
    Tunnel,
}

impl Column {
    pub const ALL: [Self; 8] = [
        Self::Unused,
        Self::Head,
        Self::Body,
        Self::Waiting,
        Self::Pipelined,
        Self::Response,
        Self::Idle,
        Self::Tunnel,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Head => "head",
            Self::Body => "body",
            Self::Waiting => "waiting",
            Self::Pipelined => "several",
            Self::Response => "response",
            Self::Idle => "idle",
            Self::Tunnel => "tunnel",
        }
    }

    pub fn of(expect: &Expect) -> Self {
        match expect.phase {
            _ if expect.in_flight > 1 => Self::Pipelined,
            Phase::Connecting | Phase::Unused => Self::Unused,
            Phase::RequestHead => Self::Head,
            Phase::RequestBody => Self::Body,
            Phase::Waiting => Self::Waiting,
            Phase::Response => Self::Response,
            Phase::Idle => Self::Idle,
            Phase::Tunnel => Self::Tunnel,
        }
    }
}

/// The right answer about a close, the same from both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expect {
    pub closer: Side,
    pub how: How,
    pub phase: Phase,
    pub in_flight: u32,
    pub verdict: &'static str,
}

impl Expect {
    /// An end that nobody had announced.
    pub fn plain(closer: Side, how: How, phase: Phase, in_flight: u32) -> Self {
        let verdict = match (phase, closer) {
            (Phase::Tunnel, _) => "tunnel-end",
            (Phase::Unused | Phase::Idle, Side::Client) => "client-idle",
            (Phase::Unused | Phase::Idle, Side::Server) => "server-idle",
            _ => "premature-hangup",
        };
        Self { closer, how, phase, in_flight, verdict }
    }

    /// The exchange is complete, and one of its messages (or the program's own end) had said that it is
    /// the last.
    pub fn completed(closer: Side, how: How) -> Self {
        Self { verdict: "completed", ..Self::plain(closer, how, Phase::Idle, 0) }
    }

    pub fn code(&self) -> String {
        [self.closer.letter(), self.phase.letter()].iter().collect()
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = self.how.word();
        write!(f, "{} {} {} in_flight={}", self.code(), self.verdict, how, self.in_flight)
    }
}

/// As which end of the connection a piece of software was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Row {
    pub part: Side,
    pub software: &'static str,
}

/// One connection that was ended, and the truth about it.
#[derive(Debug, Clone, Serialize)]
pub struct Close {
    pub row: Row,
    pub case: String,
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub expect: Expect,
}

/// A case that did not go as its script says: it proves nothing about the agent.
#[derive(Debug, Clone, Serialize)]
pub struct Stray {
    pub row: Row,
    pub case: String,
    pub why: String,
}

/// All that was played.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Played {
    pub closes: Vec<Close>,
    pub strays: Vec<Stray>,
}

impl Played {
    pub fn extend(&mut self, other: Self) {
        self.closes.extend(other.closes);
        self.strays.extend(other.strays);
    }

    pub fn stray(&mut self, row: Row, case: &str, why: impl fmt::Display) {
        self.strays.push(Stray { row, case: case.to_owned(), why: why.to_string() });
    }
}
