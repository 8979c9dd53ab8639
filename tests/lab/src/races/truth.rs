//! What became of a play, from the segments on the wire and what both ends' own sockets told. Sequence numbers decide
//! who had seen what; clocks only where the definition is one of time (docs/verdicts.md).

use std::time::Duration;

use super::{
    client::ClientLog,
    conversation::Conversation,
    ends::End,
    server::ServerLog,
    socket::{CLOSE_WAIT, ESTABLISHED},
};
use crate::order::{self, Ending, First, Kind, Mark};

/// What is true of a play. The verdict is the word that both ends are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The request after the gap was answered.
    Survived {
        verdict: &'static str,
    },
    Lost(Kind),
    NoRace {
        verdict: &'static str,
    },
    /// Why it cannot be told.
    Undecided(&'static str),
}

/// All that is known of one play.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) client: &'a ClientLog,
    pub(super) server: &'a ServerLog,
    pub(super) wire: &'a Conversation,
    /// Requests that were to be answered before the gap.
    pub(super) before: u32,
    /// Payload of all requests but the newest that was asked.
    pub(super) bytes_before: u32,
    /// The responses said that they are the last.
    pub(super) announced: bool,
    /// Least time from one end to the other.
    pub(super) flight: Duration,
}

pub(super) fn decide(of: &Evidence<'_>) -> Truth {
    if of.client.refused {
        return Truth::NoRace { verdict: "connect-failed" };
    }
    if !of.wire.is_whole() {
        return Truth::Undecided("the capture has a hole");
    }
    if of.client.partial {
        return Truth::Undecided("a part of a response came");
    }
    let Some(first) = first(of.wire) else { return Truth::Undecided("the wire does not show who was first") };
    if of.client.asked > of.client.answered { lost(of, first) } else { answered(of, first) }
}

fn first(wire: &Conversation) -> Option<First> {
    order::first(wire.ending(true), wire.ending(false))
}

/// Nothing was open.
fn answered(of: &Evidence<'_>, first: First) -> Truth {
    let idle = of.client.closed.zip(of.client.answered_at).map(|((before, _), at)| before - at);
    let verdict = match first {
        _ if of.announced => "completed",
        First::Server(_) | First::Both => "server-idle",
        First::Client(_) => match idle.map(order::is_prompt) {
            Some(Some(true)) => "completed",
            Some(None) => return Truth::Undecided("neither prompt nor idle"),
            _ => "client-idle",
        },
    };
    if of.client.answered > of.before { Truth::Survived { verdict } } else { Truth::NoRace { verdict } }
}

/// The newest request was not answered.
fn lost(of: &Evidence<'_>, first: First) -> Truth {
    const HUNG_UP: Truth = Truth::NoRace { verdict: "premature-hangup" };
    let Some(request) = of.wire.brings(of.bytes_before) else {
        return Truth::Undecided("the request was not captured");
    };
    if of.client.asked == 1 {
        return HUNG_UP;
    }
    let bytes_before = u64::from(of.bytes_before);
    match first {
        First::Both => Truth::Undecided("both closed as the request was sent"),
        First::Server(_) if of.server.read >= of.client.asked => HUNG_UP,
        First::Server(Ending { resets: false, mark }) => match met_a_fin(of, request, mark) {
            // Its sender's own mistake, and no matter of time-outs.
            Truth::Lost(Kind::Stale) if of.announced => Truth::NoRace { verdict: "completed" },
            Truth::Lost(_) if of.announced => Truth::Undecided("announced, and seen in two ways by two ends"),
            truth => truth,
        },
        First::Server(Ending { resets: true, mark }) if of.announced && mark.acks > bytes_before => HUNG_UP,
        First::Server(Ending { resets: true, mark }) if mark.acks > bytes_before => met_a_reset(of),
        First::Server(Ending { resets: true, .. }) => {
            Truth::Undecided("a reset that acknowledges no request")
        }
        First::Client(Ending { resets, .. }) => client_closed(of, resets),
    }
}

/// The server closed with nothing unread. Whether the client had the FIN is in what its request acknowledges.
fn met_a_fin(of: &Evidence<'_>, request: Mark, fin: Mark) -> Truth {
    let state = of.client.state_before;
    if fin.acks > of.bytes_before.into() {
        return Truth::Undecided("the FIN acknowledges the request, and the server has not read it");
    }
    if of.client.saw == Some(End::Reset) {
        return Truth::Undecided("the client was told of a reset, and not of the FIN");
    }
    let had_the_fin = request.acks > fin.at;
    match (had_the_fin, state) {
        // Or it came between the look at the socket and the request.
        (true, Some(CLOSE_WAIT | ESTABLISHED)) => Truth::Lost(Kind::Stale),
        (false, Some(ESTABLISHED)) => Truth::Lost(Kind::Crossed),
        _ => Truth::Undecided("the client's socket and its request disagree"),
    }
}

/// The server closed with the request unread: its RST acknowledges it.
fn met_a_reset(of: &Evidence<'_>) -> Truth {
    let Some(((before, after), asked)) = of.server.closed.zip(of.client.asking) else {
        return Truth::Undecided("a reset, and no close");
    };
    if of.client.saw == Some(End::Eof) {
        return Truth::Undecided("the client was told of a FIN, and not of the reset");
    }
    // Over a slow wire it is not known when the request was there, only that it was not before this.
    let least = if of.flight.is_zero() { before.saturating_duration_since(asked) } else { Duration::ZERO };
    match order::met_the_close(least, after.saturating_duration_since(asked + of.flight)) {
        Some(true) => Truth::Lost(Kind::Unread),
        Some(false) => Truth::NoRace { verdict: "premature-hangup" },
        None => Truth::Undecided("unread for about as long as makes the difference"),
    }
}

fn client_closed(of: &Evidence<'_>, resets: bool) -> Truth {
    let Some(((before, after), asked)) = of.client.closed.zip(of.client.asking) else {
        return Truth::Undecided("the client closed, and nobody knows when");
    };
    match order::is_own_timer(before - asked, after - asked) {
        Some(false) => Truth::NoRace { verdict: "premature-hangup" },
        _ if resets => Truth::Undecided("the client closed with the answer unread"),
        Some(true) => Truth::Lost(Kind::OwnTimer),
        None => Truth::Undecided("the client closed shortly after its request, and not at once"),
    }
}

#[cfg(test)]
#[path = "truth_tests.rs"]
mod tests;
