//! What became of a play, from the segments on the wire and what both ends' own sockets told. Sequence numbers decide
//! who had seen what; clocks only where the definition is one of time (docs/verdicts.md).

use std::time::Duration;

use super::{
    client::ClientLog,
    ends,
    server::ServerLog,
    socket::{CLOSE_WAIT, ESTABLISHED},
};
use crate::{
    order::{self, Ending, First, Mark},
    truth::{Race, Side, Truth},
    wiretap::{
        decide::{self, Decided, Met, Script},
        flow::{Flow, Segment},
    },
};

/// All that is known of one play.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) client: &'a ClientLog,
    pub(super) server: &'a ServerLog,
    pub(super) flow: &'a Flow,
    /// The sequence number at which the newest request that was asked begins.
    pub(super) request_at: u64,
    /// The responses said that they are the last.
    pub(super) announced: bool,
    /// Least time from one end to the other.
    pub(super) flight: Duration,
}

impl Evidence<'_> {
    /// The first segment of the newest request.
    fn request(&self) -> Option<Mark> {
        let mut sent = self.flow.of(Side::Client).map(|(_, segment)| segment);
        let brings = |segment: &&Segment| (segment.start()..segment.end()).contains(&self.request_at);
        sent.find(brings).map(|segment| Mark { at: segment.start(), acks: segment.ack.unwrap_or(0) })
    }
}

/// What both sockets and the wire agree on.
pub(super) fn decide(of: &Evidence<'_>) -> Decided {
    let flow = of.flow;
    if of.client.refused {
        return decide::decide(flow, Script::default());
    }
    if flow.may_have_holes || !flow.has_beginning() || !flow.is_established() {
        return Err("the capture has a hole");
    }
    if of.client.partial {
        return Err("a part of a response came");
    }
    let first = flow.first().ok_or("the wire does not show who was first")?;
    let word = if of.client.asked > of.client.answered { lost(of, first)? } else { answered(of, first)? };
    let truth = match first {
        First::Both => decide::both(flow)?,
        First::Client(_) => Met::new(flow, Side::Client)?.truth("unknown"),
        First::Server(_) => Met::new(flow, Side::Server)?.truth("unknown"),
    };
    Ok(match word {
        Word::Plain(verdict) => Truth { verdict, ..truth },
        Word::Lost(race) => truth.lost(race),
    })
}

/// The word that both ends are to have.
enum Word {
    Plain(&'static str),
    Lost(Race),
}

const HUNG_UP: Word = Word::Plain("premature-hangup");

/// Nothing was open.
fn answered(of: &Evidence<'_>, first: First) -> Result<Word, &'static str> {
    let idle = of.client.closed.zip(of.client.answered_at).map(|((before, _), at)| before - at);
    Ok(Word::Plain(match first {
        _ if of.announced => "completed",
        First::Server(_) | First::Both => "server-idle",
        First::Client(_) => match idle.map(order::is_prompt) {
            Some(Some(true)) => "completed",
            Some(None) => return Err("neither prompt nor idle"),
            _ => "client-idle",
        },
    }))
}

/// The newest request was not answered.
fn lost(of: &Evidence<'_>, first: First) -> Result<Word, &'static str> {
    let request = of.request().ok_or("the request was not captured")?;
    if of.client.asked == 1 {
        return Ok(HUNG_UP);
    }
    match first {
        First::Both => Err("both closed as the request was sent"),
        First::Server(_) if of.server.read >= of.client.asked => Ok(HUNG_UP),
        First::Server(Ending { resets: false, mark }) => match met_a_fin(of, request, mark)? {
            // Its sender's own mistake, and no matter of timeouts.
            Word::Lost(Race::Stale) if of.announced => Ok(Word::Plain("completed")),
            Word::Lost(_) if of.announced => Err("announced, and seen in two ways by two ends"),
            word => Ok(word),
        },
        First::Server(Ending { resets: true, mark }) if mark.acks <= of.request_at => {
            Err("a reset that acknowledges no request")
        }
        First::Server(_) if of.announced => Ok(HUNG_UP),
        First::Server(_) => met_a_reset(of),
        First::Client(Ending { resets, .. }) => client_closed(of, resets),
    }
}

/// The server closed with nothing unread. Whether the client had the FIN is in what its request acknowledges.
fn met_a_fin(of: &Evidence<'_>, request: Mark, fin: Mark) -> Result<Word, &'static str> {
    let state = of.client.state_before;
    if fin.acks > of.request_at {
        return Err("the FIN acknowledges the request, and the server has not read it");
    }
    if of.client.saw == Some(ends::End::Reset) {
        return Err("the client was told of a reset, and not of the FIN");
    }
    let had_the_fin = request.acks > fin.at;
    match (had_the_fin, state) {
        // Or it came between the look at the socket and the request.
        (true, Some(CLOSE_WAIT | ESTABLISHED)) => Ok(Word::Lost(Race::Stale)),
        (false, Some(ESTABLISHED)) => Ok(Word::Lost(Race::Crossed)),
        _ => Err("the client's socket and its request disagree"),
    }
}

/// The server closed with the request unread: its RST acknowledges it.
fn met_a_reset(of: &Evidence<'_>) -> Result<Word, &'static str> {
    let Some(((before, after), asked)) = of.server.closed.zip(of.client.asking) else {
        return Err("a reset, and no close");
    };
    if of.client.saw == Some(ends::End::Eof) {
        return Err("the client was told of a FIN, and not of the reset");
    }
    // Over a slow wire it is not known when the request was there, only that it was not before this.
    let least = if of.flight.is_zero() { before.saturating_duration_since(asked) } else { Duration::ZERO };
    match order::met_the_close(least, after.saturating_duration_since(asked + of.flight)) {
        Some(true) => Ok(Word::Lost(Race::Unread)),
        Some(false) => Ok(HUNG_UP),
        None => Err("unread for about as long as makes the difference"),
    }
}

fn client_closed(of: &Evidence<'_>, resets: bool) -> Result<Word, &'static str> {
    let Some(((before, after), asked)) = of.client.closed.zip(of.client.asking) else {
        return Err("the client closed, and nobody knows when");
    };
    match order::is_own_timer(before - asked, after - asked) {
        Some(false) => Ok(HUNG_UP),
        _ if resets => Err("the client closed with the answer unread"),
        Some(true) => Ok(Word::Lost(Race::OwnTimer)),
        None => Err("the client closed shortly after its request, and not at once"),
    }
}

#[cfg(test)]
mod tests;
