//! What a client plays against a server, and who should have ended it.

use std::time::Duration;

use crate::truth::{Phase, Side};

pub(super) const CLIENT: &[Side] = &[Side::Client];
pub(super) const SERVER: &[Side] = &[Side::Server];
pub(super) const EITHER: &[Side] = &[Side::Client, Side::Server];

/// The instance of a server that it is played against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// All its time-outs are longer than any play.
    Patient,
    /// All its time-outs are two seconds, or as near as they can be set.
    Hasty,
    /// Patient, until it is ended by SIGKILL.
    Killed,
    /// Patient, until it is told to end by SIGTERM; what is left after some seconds is killed.
    Terminated,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Patient, Self::Hasty, Self::Killed, Self::Terminated];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Hasty => "hasty",
            Self::Killed => "killed",
            Self::Terminated => "terminated",
        }
    }

    /// It is ended while conversations with it are open.
    pub(super) fn is_ended(self) -> bool {
        matches!(self, Self::Killed | Self::Terminated)
    }
}

/// What a client program is told; programs/matrix/PLAN.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Get(&'static str),
    Stall,
    Sleep(Duration),
    /// For as long as the server keeps an idle connection, and so many milliseconds more.
    Tempt(i64),
    Close,
    Hold(Duration),
    /// Keeps the pool for longer than the server keeps an idle connection.
    Outlast,
}

/// What only some clients can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    Closing,
    IdleLimit,
    Stalling,
}

/// Who should have ended the conversation's connection, and where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    By(&'static [Side], &'static [Phase]),
    /// A race: chance decides.
    Open,
}

impl Due {
    /// The same where the server says how long it keeps an idle connection.
    pub(super) fn where_announced(self) -> Self {
        match self {
            Self::By(_, phases) if phases == [Phase::Idle] => Self::By(EITHER, phases),
            due => due,
        }
    }
}

#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    /// By each client against each server.
    pub(super) times: usize,
    pub(super) steps: &'static [Step],
    /// Half of them ask once before, on the same connection.
    pub(super) may_reuse: bool,
    pub(super) idle_limit: Option<Duration>,
    pub(super) request_limit: Option<Duration>,
    pub(super) asks: Asks,
    /// Only against servers that have a time-out of their own there.
    pub(super) timer: Option<Phase>,
    pub(super) due: Due,
}
