//! The verdict of a close that lost no request to an idle close, by where the exchange stood: the rules of docs/verdicts.md
//! side by side.

use super::{
    classify::Options,
    conversation,
    ending::Ending,
    facts::{Facts, Reading as _},
    given_up,
    half_close::{self, Crossed, HalfClose, answer_crossed, half_close},
    middlebox::is_bare_reset,
    phase::{ExchangePhase, idle_seconds},
    race, websocket, words,
};
use crate::{
    http::{ExchangeState, Goaway},
    labels::{Basis, Cause, CloseType, Closer, Phase, Protocol, Role, Side, Verdict},
};

/// What one rule says.
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    pub(super) cause: Cause,
    pub(super) exact: bool,
}

/// The verdict where no request was raced.
pub(super) fn ruling(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let rule = |verdict, exact| Ruling { verdict, cause: ending.cause, exact };
    if ending.connecting {
        return rule(Verdict::ConnectFailed, true);
    }
    if facts.is_seen_late() || (facts.rest_lost && !exchange.phase.is_idle()) {
        return rule(Verdict::Unknown, false);
    }
    match ending.closer {
        Closer::Network => return rule(Verdict::Network, true),
        Closer::Host => return rule(Verdict::HostAbort, true),
        Closer::Unknown => return rule(Verdict::Unknown, false),
        Closer::Client | Closer::Server | Closer::Both => {}
    }
    if let Some(ruling) = words::ruling(facts, ending, exchange) {
        return ruling;
    }
    match exchange.phase {
        Phase::Tunnel => websocket::ruling(facts, ending, exchange)
            .unwrap_or_else(|| rule(Verdict::TunnelEnd, exchange.exact)),
        Phase::Unused if was_never_taken_in(facts, ending) => {
            Ruling { verdict: idle_verdict(ending), cause: Cause::NotAccepted, exact: false }
        }
        Phase::Unused => rule(idle_verdict(ending), exchange.exact),
        // The work of an open transaction is lost, unless the client meant it to be.
        Phase::Transaction if ending.closer != Closer::Client => {
            rule(Verdict::PrematureHangup, exchange.exact)
        }
        Phase::Idle | Phase::Transaction => idle_end(facts, ending, exchange, options),
        Phase::RequestHead | Phase::RequestBody | Phase::Waiting | Phase::Response => {
            in_flight_end(facts, ending, exchange)
        }
        Phase::Connecting | Phase::Unknown => rule(Verdict::Unknown, false),
    }
}

/// Ended with no exchange open.
fn idle_end(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let at = exchange.at.as_ref();
    let cause = match ending.cause {
        Cause::Unknown if exchange.announced => Cause::Announced,
        Cause::Unknown
            if at.and_then(|at| at.unasked_status) == Some(408) && !at.is_some_and(|at| at.goaway) =>
        {
            Cause::KeepaliveTimer
        }
        Cause::Unknown if at.is_some_and(|at| at.goaway) => {
            at.and_then(|at| at.goaway_frame.as_ref()).map_or(Cause::H2Goaway, Goaway::cause)
        }
        known => known,
    };
    let is_prompt = || idle_seconds(facts, exchange).is_some_and(|idle| idle < options.idle_threshold);
    if exchange.is_answered_early {
        return early_response(ending, exchange);
    }
    let (verdict, exact) = if exchange.is_ambiguous_last_word {
        return last_word(facts, ending, exchange, options);
    } else if exchange.announced || was_asked_to_end(ending, exchange) {
        (Verdict::Completed, exchange.exact)
    } else if exchange.basis == Basis::Inferred
        && ending.closer == Closer::Server
        && is_prompt()
        && !has_begun_as_another_protocol(facts)
    {
        // No timer is as short: the response had said so, most likely.
        (Verdict::Completed, false)
    } else if ending.closer == Closer::Server && is_prompt() && is_asked_in_another_protocol(facts, exchange)
    {
        (Verdict::Completed, false)
    } else if ending.closer == Closer::Client && is_prompt() {
        match answer_crossed(facts, ending) {
            Crossed::No => (Verdict::Completed, exchange.exact),
            Crossed::Taken => (Verdict::Completed, false),
            Crossed::Refused => (Verdict::Unknown, false),
        }
    } else {
        // Two timers that fire within one round trip are a tie; a request would have lost to the server's.
        (idle_verdict(ending), exchange.exact)
    };
    Ruling { verdict, cause, exact }
}

/// A gateway's server (uWSGI) answers in HTTP what it was asked in a protocol of its own, once on each connection.
fn is_asked_in_another_protocol(facts: &Facts, exchange: &ExchangePhase) -> bool {
    let is_unread = |at: &ExchangeState| at.started_late && !at.encrypted && !at.http2 && at.begun == 1;
    exchange.at.as_ref().is_some_and(is_unread) && !facts.preexisting && facts.opened_ns.is_some()
}

/// HTTP/2: the client's GOAWAY had said that it asks for nothing more, and what was open then has ended since.
fn was_asked_to_end(ending: Ending, exchange: &ExchangePhase) -> bool {
    let frame = exchange.at.as_ref().and_then(|at| at.goaway_frame.as_ref());
    ending.closer == Closer::Server
        && frame.is_some_and(|frame| frame.by == Side::Client && frame.is_polite())
}

/// Went over to TLS from a protocol whose servers say why they end an idle session, and announce no end.
fn has_begun_as_another_protocol(facts: &Facts) -> bool {
    conversation::begun(facts).is_some_and(|protocol| protocol != Protocol::Other)
}

fn idle_verdict(ending: Ending) -> Verdict {
    if ending.closer == Closer::Client { Verdict::ClientIdle } else { Verdict::ServerIdle }
}

/// Ended with an exchange open.
fn in_flight_end(facts: &Facts, ending: Ending, exchange: &ExchangePhase) -> Ruling {
    let rule = |verdict, cause, exact| Ruling { verdict, cause, exact };
    if exchange.is_ambiguous_last_word || exchange.is_farewell_read {
        return farewell(ending);
    }
    if let Some(ruling) = behind_an_announced_end(ending, exchange) {
        return ruling;
    }
    if ending.close_type == CloseType::Fin && matches!(ending.closer, Closer::Client | Closer::Both) {
        match half_close(facts, ending, exchange) {
            HalfClose::Served => return rule(Verdict::Completed, Cause::HalfClose, exchange.exact),
            HalfClose::Open => return rule(Verdict::Unknown, ending.cause, false),
            HalfClose::Refused => return rule(Verdict::PrematureHangup, ending.cause, false),
            HalfClose::No => {}
        }
    }
    // A client that leaves a response in the middle has cut nothing short: it wanted no more.
    let is_truncated = exchange.phase == Phase::Response
        && ending.closer != Closer::Client
        && exchange.at.as_ref().is_some_and(|at| at.missing.is_some());
    let frame = exchange.at.as_ref().and_then(|at| at.goaway_frame.as_ref());
    let cause = match ending.cause {
        Cause::Unknown if is_truncated => Cause::Truncated,
        // A polite one without words lets the open streams end.
        Cause::Unknown => frame
            .filter(|frame| !frame.is_polite() || frame.cause() != Cause::H2Goaway)
            .map_or(Cause::Unknown, Goaway::cause),
        known => known,
    };
    let is_unheard = cause == Cause::Unknown && was_never_taken_in(facts, ending);
    let cause = if is_unheard { Cause::NotAccepted } else { cause };
    // The client that closes then had nothing left to wait for.
    let dismissed = (cause == Cause::Unknown && ending.closer == Closer::Client)
        .then(|| exchange.at.as_ref().filter(|at| given_up::is_by_the_server(at))?.goaway_frame.as_ref())
        .flatten();
    let cause = dismissed.map_or(cause, Goaway::cause);
    let is_answer_lost = ending.close_type == CloseType::Rst
        && ending.closer == Closer::Server
        && exchange.at.as_ref().is_some_and(|at| at.answered_early.is_some());
    let cause = if is_answer_lost && cause == Cause::Unknown { Cause::UnreadData } else { cause };
    // In the middle of a request a 408 is the server's own word for what it waited for.
    let timed_out = exchange.at.as_ref().is_some_and(|at| at.status == Some(408))
        && matches!(exchange.phase, Phase::RequestHead | Phase::RequestBody);
    let cause = if timed_out && matches!(cause, Cause::Unknown | Cause::UnreadData) {
        Cause::RequestTimeout
    } else {
        cause
    };
    let may_be_half = half_close::may_be_half(facts, ending) || half_close::is_at_once(facts);
    let exact = exchange.exact && !may_be_half && !is_unheard;
    rule(Verdict::PrematureHangup, cause, exact)
}

/// Requests behind a response that was the last. One that was sent when that could be known is its sender's own mistake; those
/// that were pipelined before are lost.
fn behind_an_announced_end(ending: Ending, exchange: &ExchangePhase) -> Option<Ruling> {
    let at = exchange.at.as_ref().filter(|_| race::is_announced(exchange))?;
    let cause = match ending.cause {
        Cause::UnreadData => Cause::Announced,
        _ => known_or(ending, Cause::Announced),
    };
    let verdict = match (at.sent_before_response, ending.closer) {
        // A client that closes has no answer to wait for any more.
        (Some(true), Closer::Server | Closer::Both) | (Some(true) | None, Closer::Client) => {
            Verdict::PrematureHangup
        }
        (_, Closer::Server) => Verdict::Completed,
        _ => return None,
    };
    // The newest tells of those before it only that they are older; and an earlier request may have announced the end.
    let is_alone = exchange.in_flight == Some(1);
    let exact =
        exchange.exact && verdict == Verdict::Completed && is_alone && at.sent_before_response.is_some();
    Some(Ruling { verdict, cause, exact })
}

/// Not a byte of what the client sent was acknowledged, nor when it was sent again, or not by the reset either: the server's
/// kernel has no socket for the connection (its listener's queue was full). net.ipv4.tcp_abort_on_overflow says when the reset
/// comes (`tcp_check_req`, net/ipv4/tcp_minisocks.c, v6.1 to v6.18).
fn was_never_taken_in(facts: &Facts, ending: Ending) -> bool {
    let first = &facts.first;
    let is_refused = facts.role == Role::Client && !ending.local && ending.close_type == CloseType::Rst;
    let nothing_came = first.payload_received() == 0 && u64::from(first.unacked()) >= first.payload_sent();
    let was_sent_again = first.payload_sent() > 0 && first.total_retrans > 0;
    is_refused && nothing_came && (was_sent_again || is_bare_reset(facts))
}

fn known_or(ending: Ending, cause: Cause) -> Cause {
    if ending.cause == Cause::Unknown { cause } else { ending.cause }
}

/// Answered in full before all of the request had come: nothing was lost.
fn early_response(ending: Ending, exchange: &ExchangePhase) -> Ruling {
    let is_consequence = matches!(ending.cause, Cause::Unknown | Cause::UnreadData);
    let cause = if is_consequence { Cause::EarlyResponse } else { ending.cause };
    Ruling { verdict: Verdict::Completed, cause, exact: exchange.exact }
}

/// A message that is not read left together with the closer's own FIN, and nobody waited for an answer to it.
fn farewell(ending: Ending) -> Ruling {
    let is_calm = ending.close_type == CloseType::Fin
        && !matches!(ending.cause, Cause::ProcessKilled | Cause::OomKilled);
    let verdict = if is_calm { Verdict::Completed } else { Verdict::Unknown };
    Ruling { verdict, cause: ending.cause, exact: false }
}

/// The closer's last bytes, which are not read, left together with its close. Where they came long after the client's own
/// they answer nothing: they say goodbye to an idle connection.
fn last_word(facts: &Facts, ending: Ending, exchange: &ExchangePhase, options: Options) -> Ruling {
    let is_late = idle_seconds(facts, exchange).is_some_and(|since| since >= options.idle_threshold);
    if ending.closer == Closer::Server && is_late && exchange.is_first_word {
        // The answer to a request that took so long, or an error in its place; or the request asked for nothing.
        return Ruling { verdict: Verdict::Unknown, cause: ending.cause, exact: false };
    }
    if ending.closer == Closer::Server && is_late && !exchange.is_only_answer {
        return Ruling { verdict: Verdict::ServerIdle, cause: ending.cause, exact: false };
    }
    farewell(ending)
}
