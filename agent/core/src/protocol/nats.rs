//! NATS (docs.nats.io, "Client Protocol"): both ends publish, and nothing is answered but a ping.

use super::{Edges, Said, State, Word};
use crate::labels::Cause;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    edges.server.opening.starts_with(b"INFO {")
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let newest = &edges.server.newest;
    // Of all errors, the connection outlives these alone ("Client Protocol", +OK/ERR).
    let is_survived =
        ["-ERR 'Permissions V", "-ERR 'Invalid Subj"].iter().any(|words| newest.starts_with_word(words));
    let is_error = newest.starts_with(b"-ERR") && !is_survived;
    let word = is_error.then(|| {
        let line = newest.line();
        let cause = match &*line.to_ascii_lowercase() {
            line if line.contains("stale") => Cause::HeartbeatTimeout,
            line if line.contains("shutdown") => Cause::AdminShutdown,
            _ => Cause::ServerError,
        };
        Word { cause, code: line, is_answer: false }
    });
    Said { state: State::Idle, word, ..Said::default() }
}
