//! What bounds an endpoint's memory.

use std::time::Duration;

use super::{
    counters,
    gaps::GapSketch,
    keepalive::KeepaliveAudit,
    last_hour::LastHour,
    peers,
    recent::Recent,
    series::Series,
    state::{self, SERIES, State},
    timer_readings::Kind,
};
use crate::program::Program;

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct InferLimits {
    /// Endpoints distinguished; closes of others are counted together. Each takes less than 16 KiB, and mostly 5.
    pub endpoints: usize,
    /// An endpoint without a close or a request for this long is forgotten.
    pub stale: Duration,
}

impl Default for InferLimits {
    fn default() -> Self {
        Self { endpoints: 1000, stale: Duration::from_hours(1) }
    }
}

/// Timers of one endpoint that are shown at most: those that are looked for, and a limit on the age of connections.
pub const TIMERS: usize = SERIES + 1;

/// Bytes of a `Server` field, or of an executable's or a runtime's name.
const TEXT: usize = 24;
/// Those that are only asked for included.
const WORDS: usize = 6;
/// Bytes of each.
const WORD: usize = 16;

/// What an endpoint may hold, bytes.
pub(super) const fn most_bytes(series: usize) -> usize {
    size_of::<State>()
        + series * size_of::<(Kind, Series)>()
        + size_of::<GapSketch>()
        + size_of::<KeepaliveAudit>()
        + 3 * TEXT
        + WORDS * (size_of::<String>() + WORD)
}

/// What an endpoint's entry in the table may hold, bytes.
pub(super) const ENDPOINT_BYTES: usize = state::MOST_BYTES
    + size_of::<LastHour>()
    + size_of::<Recent>()
    + peers::MOST_BYTES
    + counters::MOST_BYTES;

/// `text`, cut to what is kept of it.
pub(super) fn bounded_text(text: &str) -> &str {
    cut(text, TEXT)
}

pub(super) fn bounded(program: Program) -> Program {
    let Program { executable, runtime, words, depends } = program;
    let first = |words: &[String], most| words.iter().take(most).map(|word| cut(word, WORD).into()).collect();
    Program {
        executable: executable.map(|name| cut(&name, TEXT).into()),
        runtime: runtime.map(|name| cut(&name, TEXT).into()),
        words: first(&words, WORDS),
        depends: first(&depends, WORDS.saturating_sub(words.len())),
    }
}

pub(super) fn program_bytes(program: &Program) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
    let words = |words: &Vec<String>| {
        words.iter().map(String::capacity).sum::<usize>() + words.capacity() * size_of::<String>()
    };
    text(&program.executable) + text(&program.runtime) + words(&program.words) + words(&program.depends)
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
