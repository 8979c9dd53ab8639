//! HTTP/2 streams that the closer gave up together with the connection: they are no longer open, and were in flight.

use super::{
    ending::Ending,
    facts::{Facts, Reading as _},
};
use crate::http::{Cut, ExchangeState};
use crate::labels::{Phase, Side};

/// Frames that left this many ticks before the close left together with it.
const TOGETHER_TICKS: u32 = 2;
/// Where a GOAWAY of the same side had announced the end, it follows this soon, seconds: a busy process takes its time, and so does
/// a client that closes as its last stream has ended.
const ANNOUNCED_SECONDS: f64 = 0.25;

/// `at`, with such streams in flight.
pub(super) fn with_given_up(at: ExchangeState, facts: &Facts, ending: Ending) -> ExchangeState {
    let Some(cut) = at.given_up.into_iter().flatten().find(|cut| ends_with(&at, *cut, facts, ending)) else {
        return at;
    };
    if at.phase.is_in_flight() {
        // Others are open still: the end takes those too.
        let in_flight = at.in_flight.map(|open| open + cut.streams);
        return ExchangeState { in_flight, ..at };
    }
    if at.phase != Phase::Idle {
        return at;
    }
    let phase = if cut.by == Side::Server { Phase::Response } else { Phase::Waiting };
    // Trailers end a response, whatever they say.
    let answered = at.answered.map(|answered| answered.min(at.begun.saturating_sub(cut.streams)));
    ExchangeState { phase, in_flight: Some(cut.streams), answered, ..at }
}

/// The connection's end took the streams with it: its GOAWAY says that it failed, or its FIN came right behind.
fn ends_with(at: &ExchangeState, cut: Cut, facts: &Facts, ending: Ending) -> bool {
    let failed = at.goaway_frame.as_ref().is_some_and(|frame| {
        frame.by == cut.by && !frame.is_polite() && cut.at.wrapping_sub(frame.at) <= TOGETHER_TICKS
    });
    let since = facts.first.ticks_since(cut.at);
    let announced = at.goaway_frame.as_ref().is_some_and(|frame| frame.by == cut.by)
        && f64::from(since) * facts.tick <= ANNOUNCED_SECONDS;
    failed || announced || (ending.closer.side() == Some(cut.by) && since <= TOGETHER_TICKS)
}

/// The server gave streams up behind its GOAWAY, and the client's FIN was first.
pub(super) fn is_by_the_server(at: &ExchangeState) -> bool {
    let cut = at.given_up.iter().flatten().any(|cut| cut.by == Side::Server);
    cut && at.goaway_frame.as_ref().is_some_and(|frame| frame.by == Side::Server)
}

#[cfg(test)]
mod tests;
