//! Requests that met an end, as the capture shows them: which of them an idle close swallowed, and how.

use std::time::Duration;

use super::{
    decide::{Decided, Met, Script, plain, talk},
    flow::Segment,
};
use crate::{
    order,
    truth::{CloseType, Phase, Race, Side},
};

/// A request is on its way, and not a byte of the response.
pub(super) fn is_asking(phase: Phase) -> bool {
    matches!(phase, Phase::RequestHead | Phase::RequestBody | Phase::Waiting)
}

/// The server ended it, and the client sent something before it knew.
pub(super) fn crossed(met: &Met<'_>) -> Decided {
    if met.at.phase != Phase::Idle || met.unaware.in_flight != 1 {
        return Err("what the client sent crossed the server's end");
    }
    if met.http2 || met.at.announced {
        return Err("a request crossed an end that may have been announced");
    }
    if met.close_type == CloseType::Rst {
        return Err("the reset does not acknowledge the request");
    }
    Ok(met.truth("idle-race").lost(Race::Crossed))
}

/// Whether the client sent a request after it knew that the server had ended it idle.
pub(super) fn is_asked_late(met: &Met<'_>) -> Result<bool, &'static str> {
    if met.at.in_flight > 0 || met.at.phase == Phase::Tunnel {
        return Ok(false);
    }
    let whole = talk(met.flow, Side::Server, met.left.ending.mark.at, met.flow.sent(Side::Client))?;
    Ok(whole.state().in_flight > 0)
}

pub(super) fn late(met: &Met<'_>) -> Decided {
    match (met.at.phase, met.at.announced) {
        _ if met.http2 => Err("frames after the end need not be a request"),
        (Phase::Idle, true) => plain(met),
        (Phase::Idle, false) => Ok(met.truth("idle-race").lost(Race::Stale)),
        _ => Err("a first request after the end"),
    }
}

/// The server ended a connection that had been used before, with a request that it had received and not answered.
pub(super) fn unanswered(met: &Met<'_>, script: Script) -> Decided {
    let Some(request) = request(met) else { return Err("where the request begins was not captured") };
    let age = Duration::from_secs_f64((met.time() - request.began).max(0.0));
    // The request was at the server later than at the capture, and the reset was here later than there.
    let away = met.flow.round_trip(Side::Server).unwrap_or_default();
    let round_trip = away + met.flow.round_trip(Side::Client).unwrap_or_default();
    match (order::met_the_close_within(age.saturating_sub(2 * away), age, round_trip), met.close_type) {
        (Some(false), _) => plain(met),
        _ if met.at.in_flight > 1 || met.http2 => Err("one of several requests may have been unread"),
        _ if met.at.announced => Err("a request after a response that may have been the last"),
        (_, CloseType::Fin) => Err("a server that only stopped sending may have left the request unread"),
        _ if script.server_resets => Err("the server resets on purpose: it may have read the request"),
        (Some(true), CloseType::Rst) if request.pieces == 1 => Ok(met.truth("idle-race").lost(Race::Unread)),
        (Some(true), CloseType::Rst) => Err("a part of the request may have been read"),
        (None, CloseType::Rst) => Err("unread for about as long as makes the difference"),
    }
}

/// Whether the client ended it by a timer that had nothing to do with its open request. `None` when that is not clear.
pub(super) fn is_own_timer(met: &Met<'_>) -> Option<bool> {
    if met.at.answered == 0 || !is_asking(met.at.phase) {
        return Some(false);
    }
    let age = Duration::from_secs_f64((met.time() - request(met)?.began).max(0.0));
    // A client that resets may have had the answer unread; after an announced end there is no race.
    let is_open = met.close_type == CloseType::Rst || met.http2 || met.at.announced;
    order::is_own_timer(age, age).filter(|is_own| !(*is_own && is_open))
}

struct Request {
    /// When its first byte was seen, seconds since 1970.
    began: f64,
    /// In how many segments it came.
    pieces: usize,
}

/// The oldest open request.
fn request(met: &Met<'_>) -> Option<Request> {
    let mark = met.left.ending.mark;
    let (client, server) = if met.side == Side::Client { (mark.at, mark.acks) } else { (mark.acks, mark.at) };
    let pieces = met.flow.pieces(Side::Client, client);
    let stands = |until: u64| met.flow.talk(until, server).map(|talk| talk.state());
    let is_before = |piece: &&Segment| {
        stands(piece.end()).is_some_and(|state| state.answered + state.in_flight as usize <= met.at.answered)
    };
    let first = pieces.partition_point(is_before);
    let began = pieces.get(first)?;
    Some(Request { began: began.at, pieces: pieces.len() - first })
}
