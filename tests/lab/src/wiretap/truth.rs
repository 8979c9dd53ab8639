//! What a capture proves about how a connection ended, in the words of docs/verdicts.md.

use super::flow::Flow;
use crate::{
    order::Kind,
    truth::{How, Phase, Side},
};

/// Who ended it first on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Closer {
    Client,
    Server,
    /// Neither had seen the other's end.
    Both,
}

impl Closer {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Client => Side::Client.word(),
            Self::Server => Side::Server.word(),
            Self::Both => "both",
        }
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Self::Client => Side::Client.letter(),
            Self::Server => Side::Server.letter(),
            Self::Both => 'B',
        }
    }
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decided {
    Known(Truth),
    /// Why the capture does not tell.
    Undecided(&'static str),
}

/// The right answer about a close, the same from both ends.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Truth {
    pub(crate) closer: Closer,
    pub(crate) how: How,
    pub(crate) phase: Phase,
    /// Requests begun and not fully answered.
    pub(crate) in_flight: u32,
    pub(crate) verdict: &'static str,
    pub(crate) race: Option<Kind>,
    /// Seconds from the end of the last response to the first FIN or RST; `None` while an exchange was open, or before
    /// the first.
    pub(crate) idle: Option<f64>,
    /// Answered in full.
    pub(crate) requests: u32,
}

impl Truth {
    pub(crate) fn code(&self) -> String {
        [self.closer.letter(), self.phase.letter()].iter().collect()
    }

    /// The verdict, or the kind of the race.
    pub(crate) fn word(&self) -> &'static str {
        self.race.map_or(self.verdict, Kind::word)
    }
}

/// What a play knows of its programs besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    /// The server's program resets connections on purpose (SO_LINGER 0): its reset does not show that it left a
    /// request unread.
    pub(crate) server_resets: bool,
}

/// What is true of the close.
pub(crate) fn decide(_flow: &Flow, _told: Told) -> Decided {
    Decided::Undecided("not yet")
}
