//! What the agent said of each end of each close, against what the capture proves.

use std::net::SocketAddr;

use serde::Serialize;

use super::truth::Truth;
use crate::{agent::Said, judge::Outcome, truth::Side};

/// One connection that ended, and the truth about it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Close {
    /// What was played.
    pub(crate) label: String,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) truth: Truth,
}

/// One end of it, judged.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Judged {
    #[serde(flatten)]
    pub(crate) close: Close,
    pub(crate) end: Side,
    /// The verdict or the kind of the race as the agent has it; `not told`, `told twice`.
    pub(crate) word: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// Whether something was said about every socket; call it before the agent is ended.
pub(crate) fn all_said(_closes: &[Close], _said: &Said) -> bool {
    false
}

/// Judges both ends of every close. Connections with the same addresses have to be in the order in which they were made.
/// `netns` is where both ends are.
pub(crate) fn judge(_closes: &[Close], _said: &Said, _netns: u64) -> Vec<Judged> {
    Vec::new()
}
