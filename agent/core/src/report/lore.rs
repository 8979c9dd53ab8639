//! What the report asks of a knowledge base of time-outs.

use super::model::Candidate;
use crate::{endpoint::Timer, labels::Side, program::Program};

/// What identifies the program on one side of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub side: Side,
    /// Empty when the program does not run on this host, or is not known.
    pub process: &'a str,
    pub program: Option<&'a Program>,
    /// `Server` of the responses.
    pub server: Option<&'a str>,
    /// `Keep-Alive: timeout=` of the responses, seconds.
    pub announced: Option<u32>,
}

/// What says after how long a program closes an idle connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    pub product: String,
    /// The setting's name; `None` for a program that has none.
    pub setting: Option<String>,
    /// The value that was asked for, as it is written in the program's configuration; without a setting, what to do
    /// instead.
    pub written: Option<String>,
    /// What else must be known to use it.
    pub note: Option<String>,
    pub default: IdleDefault,
}

/// When a program closes an idle connection if nobody told it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IdleDefault {
    /// Seconds.
    After(f64),
    Never,
    NotKnown,
}

/// A knowledge base.
pub trait Lore {
    /// Whose `timer` could be, likeliest first. Empty when nothing fits.
    fn candidates(&self, timer: &Timer, seen: &Seen<'_>) -> Vec<Candidate>;

    /// The setting for idle connections of the program that `seen` identifies, with `seconds` written in its format.
    /// `None` when nothing identifies a program.
    fn idle_knob(&self, seen: &Seen<'_>, seconds: f64) -> Option<Knob>;
}

/// Knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unversed;

impl Lore for Unversed {
    fn candidates(&self, _: &Timer, _: &Seen<'_>) -> Vec<Candidate> {
        Vec::new()
    }

    fn idle_knob(&self, _: &Seen<'_>, _: f64) -> Option<Knob> {
        None
    }
}
