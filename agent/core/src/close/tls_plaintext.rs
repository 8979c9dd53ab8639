//! What was read inside TLS, and when it may be believed.
//!
//! It says what the process has read and written; the socket's own records say what came and went. Both have to
//! agree: bytes may wait unread in the socket or in OpenSSL, and a session may have been followed in part.
//! Where they do not, the connection is reported from outside, as if nothing had been read.

use whohungup_ebpf::{
    event::Transition,
    exchange::{Exchange, HTTP, HTTP2, IN, OUT, Stream, notes},
};

use super::{
    ending::Ending,
    facts::{CLOSE_WAIT, Facts, Reading as _},
    farewell::MAX_TLS_ALERT_BYTES,
};
use crate::http::{self, ExchangeState, Written, tls::Records};
use crate::labels::{Phase, Role, Side};

/// How the exchange stands inside TLS at the first step, and at a later one if it had gone on.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    pub at: ExchangeState,
    pub after: Option<ExchangeState>,
}

/// `None` when nothing was read inside TLS or it does not fit what the socket shows; `outside` is how the
/// exchange stands by its records.
pub(super) fn read(facts: &Facts, ending: Ending, outside: &ExchangeState) -> Option<Inside> {
    let unsent = facts.first.write_seq.wrapping_sub(facts.first.snd_nxt);
    if !ending.local && unsent > MAX_TLS_ALERT_BYTES {
        // Written, and not sent when the peer ended it: which message that cut short is not known.
        return None;
    }
    let (exchange, step, goes_on) = at_first_step(facts)?;
    if !matches!(exchange.protocol, HTTP | HTTP2) || !fits_the_counters(exchange, step) {
        return None;
    }
    let mut at = standing(exchange);
    if !agree(&at, outside) || is_waiting_in_openssl(facts, exchange, &at) {
        return None;
    }
    if exchange.protocol == HTTP2 && has_left_a_record_unread(facts.role, exchange, outside) {
        return None;
    }
    at.exact &= outside.phase == at.phase || outside.phase != Phase::Unknown && exchange.protocol == HTTP;
    // What goes through a tunnel is no request.
    if exchange.protocol == HTTP && outside.begun > at.begun && at.phase != Phase::Tunnel {
        return None;
    }
    at.request_bytes = outside.request_bytes;
    // When the bytes came, not when the process got round to them.
    if at.in_flight == Some(1) && outside.phase == Phase::Waiting {
        at.request_start = outside.request_start;
    }
    if at.phase == Phase::Idle && outside.phase == Phase::Idle && exchange.protocol == HTTP {
        at.response_end = outside.response_end;
    }
    let after = facts.tls_plaintext.after.as_deref().map(standing);
    if misses_a_request(facts, &at, after.as_ref(), outside) {
        return None;
    }
    Some(Inside { at, after: after.filter(|_| goes_on) })
}

/// The exchange as it stood at the first step, the socket when it was read so far, and whether it went on afterwards.
fn at_first_step(facts: &Facts) -> Option<(&Exchange, &Transition, bool)> {
    let (at, after) = (facts.tls_plaintext.at.as_deref(), facts.tls_plaintext.after.as_deref());
    let first = &facts.first;
    if first.new_state == CLOSE_WAIT
        && let Some(last) = &facts.last
    {
        // Nothing comes after the peer's FIN: what was read since had come before. The same holds for what this end
        // has written, if it has written nothing since: a call that had sent its bytes may not have returned.
        let written = last.write_seq.wrapping_sub(first.write_seq);
        if written <= MAX_TLS_ALERT_BYTES && last.unread() <= MAX_TLS_ALERT_BYTES {
            return Some((after.or(at)?, last, false));
        }
    }
    (first.unread() <= MAX_TLS_ALERT_BYTES).then_some((at?, first, true))
}

/// The records show a request that was written after the peer's FIN, and that is not among what was read inside: the call
/// that wrote it had not returned when a reset ended the connection.
fn misses_a_request(
    facts: &Facts,
    at: &ExchangeState,
    after: Option<&ExchangeState>,
    outside: &ExchangeState,
) -> bool {
    let is_seen = after.is_some_and(|after| after.begun != at.begun);
    let asks = || {
        let newest = Records::of(facts.exchange_after.as_deref()?);
        Some(newest.asks_since(outside.records.as_deref()?))
    };
    facts.role == Role::Client && facts.first.new_state == CLOSE_WAIT && !is_seen && asks() == Some(true)
}

/// No more plaintext than the socket has carried.
fn fits_the_counters(exchange: &Exchange, step: &Transition) -> bool {
    let fits = |direction: u8, carried: u64| {
        u32::try_from(carried).is_err()
            || u64::from(exchange.streams[usize::from(direction)].end_seq) <= carried
    };
    let unsent = u64::from(step.write_seq.wrapping_sub(step.snd_nxt));
    fits(IN, step.payload_received()) && fits(OUT, step.payload_sent() + unsent)
}

fn standing(exchange: &Exchange) -> ExchangeState {
    // Nothing is known of what was written and not sent: the process's writes are all here.
    let written = exchange.streams[usize::from(OUT)].end_seq;
    http::read(exchange, Written { write_seq: written, sent_seq: written })
}

/// Whether both views can be of the same bytes.
fn agree(inside: &ExchangeState, outside: &ExchangeState) -> bool {
    match (inside.phase, outside.phase) {
        // Records out of order: nothing to compare with.
        (_, Phase::Unknown) => true,
        // Frames that are no requests go both ways at any time.
        _ if inside.http2 => true,
        (Phase::Tunnel, _) => true,
        (Phase::Idle | Phase::Response, seen) => seen == Phase::Idle,
        (Phase::RequestHead | Phase::RequestBody | Phase::Waiting, seen) => seen == Phase::Waiting,
        (Phase::Unused, seen) => seen == Phase::Unused,
        (Phase::Transaction | Phase::Connecting | Phase::Unknown, _) => false,
    }
}

/// HTTP/2: the peer's newest record came after all that the process has read: a GOAWAY, for all that is known. OpenSSL may
/// have taken it out of the socket (SSL_shutdown does).
fn has_left_a_record_unread(role: Role, exchange: &Exchange, outside: &ExchangeState) -> bool {
    let by = if role == Role::Client { Side::Server } else { Side::Client };
    let read_at = exchange.streams[usize::from(IN)].last;
    outside.records.as_deref().is_some_and(|records| records.has_come_after(by, read_at))
}

/// This end is in the middle of a message that it reads, and has not asked OpenSSL for more: the rest may have come.
fn is_waiting_in_openssl(facts: &Facts, exchange: &Exchange, at: &ExchangeState) -> bool {
    let incoming: &Stream = &exchange.streams[usize::from(IN)];
    let reads = match at.phase {
        Phase::Response => facts.role != Role::Server,
        Phase::RequestHead | Phase::RequestBody => facts.role != Role::Client,
        _ => false,
    };
    reads && incoming.notes & notes::DRAINED == 0
}

#[cfg(test)]
mod tests;
