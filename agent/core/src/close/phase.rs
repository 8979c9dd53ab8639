//! Where the exchange stood, and for how long: from the messages, or from who spoke last.

use std::cmp::Ordering;

use whohungup_ebpf::{
    event::Transition,
    exchange::{HTTP, HTTP2, TLS, state},
};

use super::{
    ending::Ending,
    facts::{CLOSE_WAIT, Facts, Reading as _},
    given_up::with_given_up,
    tls_plaintext,
};
use crate::http::{self, ExchangeState, Written};
use crate::labels::{Basis, Phase, Role};

/// Where the exchange stood at the first FIN or RST, however that was learnt.
#[derive(Clone, Debug)]
pub(super) struct ExchangePhase {
    pub phase: Phase,
    pub in_flight: Option<u32>,
    pub requests: Option<u32>,
    pub basis: Basis,
    /// Read inside TLS: nothing here can be set against the socket's sequence numbers.
    pub is_plaintext: bool,
    pub exact: bool,
    pub announced: bool,
    pub reused: bool,
    pub request_bytes: u32,
    pub request_start_jiffies: Option<u32>,
    /// Jiffies at which the last response ended.
    pub idle_since: Option<u32>,
    /// The closer's last bytes left together with its close: they may have been a goodbye.
    pub is_ambiguous_last_word: bool,
    pub at: Option<ExchangeState>,
    pub after: Option<ExchangeState>,
}

impl ExchangePhase {
    fn because(mut self, at: ExchangeState) -> Self {
        self.at = Some(at);
        self
    }

    /// Messages were read as the segments passed.
    pub(super) fn reads_segments(&self) -> bool {
        self.basis == Basis::Http && !self.is_plaintext
    }

    /// Clock `request`, seconds.
    pub(super) fn request_seconds(&self, facts: &Facts) -> Option<f64> {
        if facts.is_seen_late() {
            return None;
        }
        Some(f64::from(facts.first.ticks_since(self.request_start_jiffies?)) * facts.tick)
    }
}

/// Bytes that left this many ticks before the close left together with it.
const TOGETHER_TICKS: u32 = 2;

pub(super) fn exchange_phase(facts: &Facts, ending: Ending) -> ExchangePhase {
    if ending.connecting {
        return ExchangePhase {
            phase: Phase::Connecting,
            in_flight: Some(0),
            requests: Some(0),
            exact: true,
            ..blank(Basis::Turns)
        };
    }
    match facts.exchange.as_ref().filter(|exchange| http::is_read(exchange)) {
        Some(exchange) => {
            let written = |step: &Transition| Written {
                // What had not left when the peer ended it will not be read.
                write_seq: if ending.local { step.write_seq } else { step.snd_nxt },
                sent_seq: step.snd_nxt,
            };
            let at = http::read(exchange, written(&facts.first));
            if exchange.protocol == TLS
                && let Some(inside) = tls_plaintext::read(facts, ending, &at)
            {
                return ExchangePhase { is_plaintext: true, ..from_standing(inside.at, inside.after) };
            }
            let after = facts.exchange_after.as_ref().zip(facts.last.as_ref());
            let after = after.map(|(exchange, last)| http::read(exchange, written(last)));
            let at = match &after {
                // What left after the close had been written before it.
                Some(after) if ending.local && at.unsent > 0 && after.begun == at.begun => after.clone(),
                _ => at,
            };
            if at.started_late && asked_bytes(facts) == Some(0) {
                return ExchangePhase { at: Some(never_asked(at)), ..unused() };
            }
            let at = with_given_up(at, facts, ending);
            let before = asked_before(facts, &at);
            let view = from_standing(at, after);
            ExchangePhase {
                reused: view.reused || before,
                // How many the older part of an adopted connection served is not known.
                requests: view.requests.filter(|_| !(facts.preexisting && before)),
                ..view
            }
        }
        None => from_turns(facts, ending),
    }
}

/// Bytes went in the direction of requests before the oldest request that was seen: the connection is
/// older than the agent, or than the HTTP tier.
fn asked_before(facts: &Facts, at: &ExchangeState) -> bool {
    !at.encrypted
        && !at.http2
        && at.request_start.is_some()
        && asked_bytes(facts).is_some_and(|asked| asked > u64::from(at.request_bytes))
}

/// Payload in the direction of requests.
fn asked_bytes(facts: &Facts) -> Option<u64> {
    match facts.role {
        Role::Client => Some(facts.first.payload_sent()),
        Role::Server => Some(facts.first.payload_received()),
        Role::Unknown => None,
    }
}

/// Nothing was ever asked: what looked like the answer to a request that was missed is a word that nobody had asked
/// for (a 408 into a connection that was never used).
fn never_asked(at: ExchangeState) -> ExchangeState {
    ExchangeState {
        phase: Phase::Unused,
        in_flight: Some(0),
        begun: 0,
        answered: Some(0),
        announced: false,
        until_close: false,
        missing: None,
        response_end: None,
        unasked_status: at.status,
        ..at
    }
}

fn unused() -> ExchangePhase {
    ExchangePhase {
        phase: Phase::Unused,
        in_flight: Some(0),
        requests: Some(0),
        exact: true,
        ..blank(Basis::Http)
    }
}

fn blank(basis: Basis) -> ExchangePhase {
    ExchangePhase {
        phase: Phase::Unknown,
        in_flight: None,
        requests: None,
        basis,
        is_plaintext: false,
        exact: false,
        announced: false,
        reused: false,
        request_bytes: 0,
        request_start_jiffies: None,
        idle_since: None,
        is_ambiguous_last_word: false,
        at: None,
        after: None,
    }
}

fn from_standing(at: ExchangeState, after: Option<ExchangeState>) -> ExchangePhase {
    ExchangePhase {
        phase: at.phase,
        in_flight: at.in_flight,
        requests: at.answered,
        exact: at.exact,
        announced: at.announced,
        reused: at.reused,
        request_bytes: at.request_bytes,
        request_start_jiffies: at.request_start,
        idle_since: at.response_end,
        after,
        ..blank(if at.encrypted { Basis::Inferred } else { Basis::Http })
    }
    .because(at)
}

/// Who spoke last, from the socket's own fields.
fn from_turns(facts: &Facts, ending: Ending) -> ExchangePhase {
    let first = &facts.first;
    let (sent, received) = (first.payload_sent(), first.payload_received());
    if sent == 0 && received == 0 {
        return ExchangePhase {
            phase: Phase::Unused,
            in_flight: Some(0),
            requests: Some(0),
            exact: true,
            ..blank(Basis::Turns)
        };
    }
    let mut view = blank(Basis::Turns);
    let since_sent = first.ticks_since(first.lsndtime);
    let since_received = first.ticks_since(first.lrcvtime);
    let we_spoke_last = we_spoke_last(first, since_sent, since_received);
    let asked_last = match facts.role {
        Role::Server => first.unread() > 0 || (!we_spoke_last && received > 0),
        Role::Client => we_spoke_last && sent > 0,
        Role::Unknown => return view,
    };
    let newest = if we_spoke_last { since_sent } else { since_received };
    // A request that this end left unread is no goodbye of its own.
    let unread_request = facts.role == Role::Server && ending.local && first.unread() > 0;
    view.is_ambiguous_last_word =
        we_spoke_last == ending.local && newest <= TOGETHER_TICKS && !unread_request;
    view.phase = if asked_last { Phase::Waiting } else { Phase::Idle };
    view.in_flight = Some(u32::from(asked_last));
    view.reused = sent > 0 && received > 0;
    // Retransmissions move the time of sending (`tcp_event_data_sent`, net/ipv4/tcp_output.c, v6.1 to v6.18).
    let sent_at = first.waiting_since().unwrap_or(first.lsndtime);
    let asker = if facts.role == Role::Server { first.lrcvtime } else { sent_at };
    view.request_start_jiffies = asked_last.then_some(asker);
    view.request_bytes = if facts.role == Role::Server { first.unread() } else { first.unacked() };
    let answered = if we_spoke_last { first.lsndtime } else { first.lrcvtime };
    view.idle_since = (!view.is_ambiguous_last_word).then_some(answered);
    view
}

/// Exact for a local FIN or RST and for a received RST: `snd_wl1` equals `rcv_nxt` when the peer's
/// last segment acknowledged data of ours. A received FIN has overwritten it; then the times of the
/// last payload decide, and within one tick what has been acknowledged: right in 99 % of ties where
/// messages fit a segment, in 64 % where not (measured on 6.18).
fn we_spoke_last(first: &Transition, since_sent: u32, since_received: u32) -> bool {
    let before_fin = first.rcv_nxt.wrapping_sub(u32::from(first.is_fin_received()));
    if first.unacked() > 0 {
        return true;
    }
    // The times of a direction that never carried anything are those of the handshake.
    if first.payload_sent() == 0 || first.payload_received() == 0 {
        return first.payload_sent() > 0;
    }
    if first.new_state != CLOSE_WAIT {
        return first.snd_wl1 == before_fin;
    }
    match since_sent.cmp(&since_received) {
        Ordering::Less => true,
        Ordering::Greater => false,
        Ordering::Equal => first.payload_sent() > 0 && first.rcv_wup == before_fin && first.pingpong != 0,
    }
}

pub(super) fn idle_seconds(facts: &Facts, view: &ExchangePhase) -> Option<f64> {
    if view.phase != Phase::Idle || facts.is_seen_late() {
        return None;
    }
    Some(f64::from(facts.first.ticks_since(view.idle_since?)) * facts.tick)
}

/// Clock `silent`, seconds. The HTTP tier knows retransmissions for what they are; the socket's own time of last
/// sending is moved by them (`tcp_event_data_sent`, net/ipv4/tcp_output.c, v6.12).
pub(super) fn silent_seconds(facts: &Facts) -> Option<f64> {
    if facts.is_seen_late() {
        return None;
    }
    let first = &facts.first;
    let newest = match &facts.exchange {
        Some(exchange) if matches!(exchange.protocol, HTTP | HTTP2) => exchange
            .streams
            .iter()
            .filter(|stream| stream.state != state::NEW)
            .map(|stream| first.ticks_since(stream.last))
            .min()?,
        _ => {
            let waiting = first.waiting_since().filter(|_| first.retransmits > 0);
            let sent_at = waiting.unwrap_or(first.lsndtime);
            let sent = (first.payload_sent() > 0).then(|| first.ticks_since(sent_at));
            let received = (first.payload_received() > 0).then(|| first.ticks_since(first.lrcvtime));
            if first.total_retrans > 0 && waiting.is_none() && sent < received {
                return None;
            }
            match (sent, received) {
                (Some(sent), Some(received)) => sent.min(received),
                (one, other) => one.or(other)?,
            }
        }
    };
    Some(f64::from(newest) * facts.tick)
}
