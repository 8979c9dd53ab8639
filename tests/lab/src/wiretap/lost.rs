//! Requests that end an end, as the capture shows them: which of them an idle close swallowed, and how.

use std::time::Duration;

use super::{
    decide::{Decided, EndState, Script, plain, talk},
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
pub(super) fn crossed(end: &EndState<'_>) -> Decided {
    if end.at.phase != Phase::Idle || end.unaware.in_flight != 1 {
        return Err("what the client sent crossed the server's end");
    }
    if end.http2 || end.at.announced {
        return Err("a request crossed an end that may have been announced");
    }
    if end.close_type == CloseType::Rst {
        return Err("the reset does not acknowledge the request");
    }
    Ok(end.truth("idle-race").lost(Race::Crossed))
}

/// Whether the client sent a request after it knew that the server had ended it idle.
pub(super) fn is_asked_late(end: &EndState<'_>) -> Result<bool, &'static str> {
    if end.at.in_flight > 0 || end.at.phase == Phase::Tunnel {
        return Ok(false);
    }
    let whole = talk(end.flow, Side::Server, end.left.ending.mark.at, end.flow.sent(Side::Client))?;
    Ok(whole.state().in_flight > 0)
}

pub(super) fn late(end: &EndState<'_>) -> Decided {
    match (end.at.phase, end.at.announced) {
        _ if end.http2 => Err("frames after the end need not be a request"),
        (Phase::Idle, true) => plain(end),
        (Phase::Idle, false) => Ok(end.truth("idle-race").lost(Race::Stale)),
        _ => Err("a first request after the end"),
    }
}

/// The server ended a connection that had been used before, with a request that it had received and not answered.
pub(super) fn unanswered(end: &EndState<'_>, script: Script) -> Decided {
    let Some(request) = request(end) else { return Err("where the request begins was not captured") };
    let age = Duration::from_secs_f64((end.time() - request.began).max(0.0));
    // The request was at the server later than at the capture, and the reset was here later than there.
    let away = end.flow.round_trip(Side::Server).unwrap_or_default();
    let round_trip = away + end.flow.round_trip(Side::Client).unwrap_or_default();
    let is_unread = script.read.is_some_and(|read| read as usize <= end.at.answered);
    match (order::is_fresh(age.saturating_sub(2 * away), age, round_trip), end.close_type) {
        (Some(false), CloseType::Rst) if end.at.phase == Phase::Waiting && age <= HELD_UP => {
            Err("the server may have read nothing of the request that it answered with a reset")
        }
        (Some(false), _) => plain(end),
        _ if end.at.in_flight > 1 || end.http2 => Err("one of several requests may have been unread"),
        _ if end.at.announced => Err("a request after a response that may have been the last"),
        (_, CloseType::Fin) => Err("a server that only stopped sending may have left the request unread"),
        _ if script.server_resets => Err("the server resets on purpose: it may have read the request"),
        (Some(true), CloseType::Rst) if request.pieces == 1 || is_unread => {
            Ok(end.truth("idle-race").lost(Race::Unread))
        }
        (Some(true), CloseType::Rst) => Err("a part of the request may have been read"),
        (None, CloseType::Rst) => Err("unread for about as long as makes the difference"),
    }
}

/// The real servers of the lab are held up for no longer before they read what came.
const HELD_UP: Duration = Duration::from_millis(100);

/// Whether the client ended it by a timer that had nothing to do with its open request. `None` when that is not clear.
pub(super) fn is_own_timer(end: &EndState<'_>) -> Option<bool> {
    if end.at.answered == 0 || !is_asking(end.at.phase) {
        return Some(false);
    }
    let age = Duration::from_secs_f64((end.time() - request(end)?.began).max(0.0));
    // A client that resets may have had the answer unread; after an announced end there is no race.
    let is_open = end.close_type == CloseType::Rst || end.http2 || end.at.announced;
    order::is_own_timer(age, age).filter(|is_own| !(*is_own && is_open))
}

struct Request {
    /// When its first byte was seen, seconds since 1970.
    began: f64,
    /// In how many segments it came.
    pieces: usize,
}

/// The oldest open request.
fn request(end: &EndState<'_>) -> Option<Request> {
    let mark = end.left.ending.mark;
    let (client, server) = if end.side == Side::Client { (mark.at, mark.acks) } else { (mark.acks, mark.at) };
    let pieces = end.flow.pieces(Side::Client, client);
    let stands = |until: u64| end.flow.talk(until, server).map(|talk| talk.state());
    let is_before = |piece: &&Segment| {
        stands(piece.end()).is_some_and(|state| state.answered + state.in_flight as usize <= end.at.answered)
    };
    let first = pieces.partition_point(is_before);
    let began = pieces.get(first)?;
    Some(Request { began: began.at, pieces: pieces.len() - first })
}
