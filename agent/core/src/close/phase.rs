//! Where the exchange stood, and for how long: from the messages, or from who spoke last.

use std::cmp::Ordering;

use whohungup_ebpf::{
    event::Transition,
    exchange::{Exchange, HTTP, HTTP2, IN, OUT, STARTED_LATE, TLS, state},
};

use super::{
    conversation::from_conversation,
    early_answer,
    ending::Ending,
    facts::{CLOSE_WAIT, Facts, LAST_ACK, Reading as _},
    given_up::with_given_up,
    records,
    request_totals::RequestTotals,
    tls_plaintext,
    unsent::with_unsent,
    websocket,
};
use crate::http::{self, ExchangeState, Written};
use crate::labels::{Basis, Cause, CloseType, Closer, Phase, Role};
use crate::protocol::{MAX_FAREWELL_BYTES, Reading};

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
    /// An exchange had ended before the request that is open, or the newest, began.
    pub reused: bool,
    /// Of the newest request; `None` where its beginning is not known.
    pub request_bytes: Option<u32>,
    /// Sequence number of its first byte, of a conversation that is not followed.
    pub request_seq: Option<u32>,
    pub request_start_jiffies: Option<u32>,
    /// Jiffies at which the last response ended.
    pub idle_since: Option<u32>,
    /// Jiffies when one side said that it ends the connection, where that was before the first FIN or RST.
    pub ended_at: Option<u32>,
    /// The closer's last bytes left together with its close: they may have been a goodbye.
    pub is_ambiguous_last_word: bool,
    /// The server's last bytes are the first since the client's newest, on a connection that had answered before.
    pub is_first_word: bool,
    /// They are all that it has ever said, in answer to all that the client has.
    pub is_only_answer: bool,
    /// The client had said nothing yet to a server that greets, in a conversation that was seen.
    pub was_never_asked: bool,
    /// The newest message was too short to be a request, and the server closed when it had read it.
    pub is_farewell_read: bool,
    /// The request was answered in full before all of it had come.
    pub is_answered_early: bool,
    /// What the edges of a conversation said that is not followed.
    pub reading: Option<Reading>,
    /// The client had been silent for longer than its protocol allows.
    pub is_heartbeat_missing: bool,
    /// Its requests.
    pub totals: Option<RequestTotals>,
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
        Some(f64::from(self.ticks_since(facts, self.request_start_jiffies?)) * facts.tick)
    }

    /// Ticks from `jiffies` to the end; 0 if it lies later.
    pub(super) fn ticks_since(&self, facts: &Facts, jiffies: u32) -> u32 {
        let after_end = self.ended_at.map_or(0, |ended| facts.first.ticks_since(ended));
        facts.first.ticks_since(jiffies).saturating_sub(after_end)
    }
}

/// Bytes that left this many ticks before the close left together with it.
pub(super) const TOGETHER_TICKS: u32 = 2;
/// Seconds from the beginning of a connection, after which a client that sends goes on sending.
const WENT_ON_SECONDS: f64 = 0.5;
/// A notice or a goodbye of a server, which a client need not read, fills no segment.
const MAX_NOTICE_BYTES: u32 = 1024;

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
    match first_exchange(facts, ending) {
        Some(exchange) => {
            let written = |step: &Transition| {
                let all = step.written();
                let sent = if step.snd_nxt == step.write_seq { all } else { step.snd_nxt };
                // What had not left when the peer ended it will not be read; behind this end's own FIN it leaves, and a reset
                // of its own destroys it.
                let leaves = if ending.local {
                    ending.close_type != CloseType::Rst
                } else {
                    step.new_state == LAST_ACK
                };
                Written { write_seq: if leaves { all } else { sent }, sent_seq: sent }
            };
            let at = http::read(exchange, written(&facts.first));
            if facts.exchange.is_none() && !facts.first.is_closed_whole() {
                // Its request left with its FIN: what came of it came later.
                let at_close = ExchangeState {
                    phase: Phase::Waiting,
                    in_flight: Some(at.begun),
                    answered: Some(0),
                    response_end: None,
                    ..at.clone()
                };
                return from_standing(at_close, Some(at));
            }
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
                Some(after) if ending.local && at.unsent > 0 && at.phase == Phase::Idle => {
                    seen_since(at, after)
                }
                _ => at,
            };
            if at.started_late && asked_bytes(facts) == Some(0) {
                return ExchangePhase { at: Some(never_asked(at)), ..unused() };
            }
            let at = with_unsent(with_given_up(at, facts, ending), after.as_ref(), facts, ending);
            let before = asked_before(facts, &at);
            let mut view = from_standing(at, after);
            view.reused |= before;
            if facts.preexisting && before {
                // How many the older part of an adopted connection served is not known.
                view.requests = None;
            }
            end_of_body(facts, ending, &mut view);
            early_answer::settle(facts, ending, &mut view);
            refused_in_mid_request(&mut view);
            if view.basis == Basis::Inferred && view.phase == Phase::Waiting {
                records::without_given_up(facts, &mut view);
            }
            if view.basis == Basis::Inferred && view.phase == Phase::Idle {
                records::settle(facts, ending, &mut view);
                if leaves_an_answer(facts, ending) {
                    (view.phase, view.in_flight, view.exact) = (Phase::Response, Some(1), false);
                }
            }
            let is_destroyed =
                ending.local && ending.close_type == CloseType::Rst && facts.first.unacked() > 0;
            // What was on its way may have met the reset; the client's end knows.
            view.exact &= !(is_destroyed && facts.role == Role::Server && view.phase == Phase::Idle);
            view
        }
        None => from_conversation(facts, ending),
    }
}

/// `at`, whose last response had been written and had not left, as it proved to be. Another request has come since, which
/// nobody answered.
fn seen_since(at: ExchangeState, after: &ExchangeState) -> ExchangeState {
    let is_that_response = after.answered == at.answered && after.phase.is_in_flight();
    if !is_that_response {
        return at;
    }
    ExchangeState {
        announced: at.announced || after.announced_before,
        exact: after.exact,
        response_end: after.response_end,
        keep_alive_timeout: after.keep_alive_timeout,
        keep_alive_max: after.keep_alive_max,
        server: after.server.clone(),
        status: after.status,
        ..at
    }
}

/// The messages at the first step. What this end had written when it closed may have been the first that the probe saw.
fn first_exchange(facts: &Facts, ending: Ending) -> Option<&Exchange> {
    let is_read = |exchange: &&Exchange| http::is_read(exchange) && !is_empty_line(facts, exchange);
    let left_later = ending.local && facts.first.write_seq != facts.first.snd_nxt;
    let later = facts.exchange_after.as_deref().filter(|_| left_later);
    facts.exchange.as_deref().filter(is_read).or(later.filter(is_read))
}

/// An empty line in the midst of another protocol (rsync's daemon, a Redis that replicates) was taken for what may come before a
/// request (RFC 9112 section 2.2), and none came.
pub(super) fn is_empty_line(facts: &Facts, exchange: &Exchange) -> bool {
    /// Two empty lines.
    const MOST: u64 = 4;
    exchange.protocol == HTTP
        && exchange.begun == 0
        && exchange.flags & STARTED_LATE == 0
        && asked_bytes(facts) > Some(MOST)
}

/// A body without a length ends with the connection, and only by the server's own FIN (RFC 9112 section 6.3): a client
/// that leaves, a reset and a server that was killed cut it short.
fn end_of_body(facts: &Facts, ending: Ending, view: &mut ExchangePhase) {
    let until_close = view.at.as_ref().is_some_and(|at| at.until_close);
    let by_server =
        matches!(ending.closer, Closer::Server | Closer::Both) && ending.close_type == CloseType::Fin;
    let killed = matches!(ending.cause, Cause::ProcessKilled | Cause::OomKilled);
    // A 408 says that the rest of the request did not come.
    let is_early = matches!(view.phase, Phase::RequestHead | Phase::RequestBody)
        && view.at.as_ref().is_some_and(|at| at.status != Some(408));
    let is_under_way = view.phase == Phase::Response || (is_early && view.in_flight == Some(1));
    if !until_close || !is_under_way || !by_server || killed {
        return;
    }
    let (Some(at), Some(open)) = (&view.at, view.in_flight.filter(|&open| open > 0)) else { return };
    // Those that were pipelined behind it, which the client sent before it could know.
    let behind = open - 1;
    let phase = if behind == 0 { Phase::Idle } else { Phase::Waiting };
    // Its FIN shows the client that the server's kernel closed, and not that its process meant to.
    view.exact = at.exact && ending.local;
    let early = is_early.then_some(view.phase);
    for state in view.at.iter_mut().chain(&mut view.after).filter(|state| state.until_close) {
        state.answered_early = early;
        (state.phase, state.in_flight) = (phase, Some(behind));
        state.answered = state.answered.map(|answered| answered + 1);
        state.announced_before |= behind > 0;
    }
    view.reused |= behind > 0;
    view.phase = phase;
    view.in_flight = Some(behind);
    view.announced = true;
    view.requests = view.requests.map(|answered| answered + 1);
    // What left with the FIN passed the probe after it.
    let exchanges = facts.exchange.iter().chain(&facts.exchange_after);
    let responses =
        exchanges.map(|exchange| &exchange.streams[usize::from((IN + OUT - exchange.request_direction) & 1)]);
    view.idle_since =
        responses.filter(|response| response.state != state::NEW).map(|response| response.last).next();
}

/// A 408 is whole before its request is: it is no answer to it.
fn refused_in_mid_request(view: &mut ExchangePhase) {
    let Some(at) = view.at.as_mut().filter(|at| at.status == Some(408)) else { return };
    if matches!(view.phase, Phase::RequestHead | Phase::RequestBody) {
        let served = view.in_flight.map(|open| at.begun.saturating_sub(open));
        at.answered = at.answered.zip(served).map(|(answered, served)| answered.min(served));
        view.requests = view.requests.zip(served).map(|(answered, served)| answered.min(served));
    }
}

/// Bytes went both ways before the only request that was seen: the connection is older than the agent, or than the
/// HTTP tier.
fn asked_before(facts: &Facts, at: &ExchangeState) -> bool {
    !at.encrypted
        && is_asking(at.phase)
        && !at.http2
        && at.request_start.is_some()
        && at.begun == 1
        && answered_bytes(facts) > Some(0)
        && at.request_bytes.zip(asked_bytes(facts)).is_some_and(|(newest, asked)| asked > u64::from(newest))
}

/// The request is on its way, and not a byte of the response.
pub(super) fn is_asking(phase: Phase) -> bool {
    matches!(phase, Phase::Waiting | Phase::RequestHead | Phase::RequestBody)
}

/// Payload in the direction of responses.
fn answered_bytes(facts: &Facts) -> Option<u64> {
    match facts.role {
        Role::Client => Some(facts.first.payload_received()),
        Role::Server => Some(facts.first.payload_sent()),
        Role::Unknown => None,
    }
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
        request_bytes: None,
        request_seq: None,
        request_start_jiffies: None,
        idle_since: None,
        ended_at: None,
        is_ambiguous_last_word: false,
        is_first_word: false,
        is_only_answer: false,
        was_never_asked: false,
        is_farewell_read: false,
        is_answered_early: false,
        reading: None,
        is_heartbeat_missing: false,
        totals: None,
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

/// Of a protocol that is not read: the server has never sent a byte, has taken in all, and the client went on sending. It waits for no
/// answer (syslog, MQTT at QoS 0). A first request that gets none is sent when the connection is made.
pub(super) fn is_one_way(facts: &Facts) -> bool {
    let first = &facts.first;
    let (answered, taken_in, newest) = match facts.role {
        Role::Client => (first.payload_received(), first.unacked() == 0, first.lsndtime),
        Role::Server => (first.payload_sent(), first.unread() == 0, first.lrcvtime),
        Role::Unknown => return false,
    };
    let Some(opened_ns) = facts.opened_ns else { return false };
    let age = first.header.ktime_ns.saturating_sub(opened_ns) as f64 / 1e9;
    let since = f64::from(first.ticks_since(newest)) * facts.tick;
    answered == 0 && taken_in && age - since >= WENT_ON_SECONDS
}

/// Of bytes that are not read: the client ends while more of the server's are on their way to it than a notice or a goodbye has.
pub(super) fn leaves_an_answer(facts: &Facts, ending: Ending) -> bool {
    let open = match facts.role {
        Role::Client => facts.first.unread(),
        Role::Server => facts.first.unacked(),
        Role::Unknown => 0,
    };
    ending.closer == Closer::Client && open > MAX_NOTICE_BYTES
}

/// Who spoke last, from the socket's own fields.
pub(super) fn from_turns(facts: &Facts, ending: Ending) -> ExchangePhase {
    let first = &facts.first;
    let (sent, received) = (first.payload_sent(), first.payload_received());
    let unsent = ending.local && first.write_seq != first.snd_nxt;
    if sent == 0 && received == 0 && !unsent {
        return ExchangePhase {
            phase: Phase::Unused,
            in_flight: Some(0),
            requests: Some(0),
            exact: true,
            ..blank(Basis::Turns)
        };
    }
    if sent == 0 && received == 0 {
        // Written and on its way when this end closed.
        return ExchangePhase { is_ambiguous_last_word: true, ..blank(Basis::Turns) };
    }
    let mut view = blank(Basis::Turns);
    let since_sent = first.ticks_since(first.lsndtime);
    let since_received = first.ticks_since(first.lrcvtime);
    let we_spoke_last = we_spoke_last(first, since_sent, since_received);
    let asked_last = match facts.role {
        // What is unread behind our answer is the end of what was answered, unless the client gave up sending it.
        Role::Server => (!we_spoke_last && received > 0) || (first.unread() > 0 && !ending.local),
        Role::Client => we_spoke_last && sent > 0,
        Role::Unknown => return view,
    };
    let asked_last = asked_last && !is_one_way(facts);
    let newest = if we_spoke_last { since_sent } else { since_received };
    let since_asked = if facts.role == Role::Server { since_received } else { since_sent };
    // Two FINs that cross right behind the client's newest bytes: it took its leave, and the server had read that.
    let crossed = ending.closer == Closer::Both && since_asked <= TOGETHER_TICKS;
    // Nobody takes leave who is killed.
    let is_killed = matches!(ending.cause, Cause::ProcessKilled | Cause::OomKilled);
    view.is_ambiguous_last_word =
        !is_killed && (crossed || (we_spoke_last == ending.local && newest <= TOGETHER_TICKS));
    view.is_farewell_read =
        !is_killed && is_farewell_read(first, ending, since_received) && facts.role == Role::Server;
    view.phase = if asked_last { Phase::Waiting } else { Phase::Idle };
    view.in_flight = Some(u32::from(asked_last));
    if leaves_an_answer(facts, ending) {
        (view.phase, view.in_flight, view.is_ambiguous_last_word) = (Phase::Response, Some(1), false);
    }
    view.reused = sent > 0 && received > 0;
    // Retransmissions move the time of sending (`tcp_event_data_sent`, net/ipv4/tcp_output.c, v6.1 to v6.18).
    let sent_at = first.waiting_since().unwrap_or(first.lsndtime);
    let asker = if facts.role == Role::Server { first.lrcvtime } else { sent_at };
    view.request_start_jiffies = asked_last.then_some(asker);
    view.request_bytes = Some(if facts.role == Role::Server { first.unread() } else { first.unacked() });
    let answered = if we_spoke_last { first.lsndtime } else { first.lrcvtime };
    // The words that a server sends together with its close end no silence.
    view.idle_since = Some(if view.is_ambiguous_last_word { asker } else { answered });
    view
}

/// This end closed as soon as it had read a message too short to be a request. The newest segment of the peer begins at
/// `snd_wl1` (`tcp_update_wl` in `tcp_rcv_established`, net/ipv4/tcp_input.c, v6.1 to v6.18), until its FIN comes.
fn is_farewell_read(first: &Transition, ending: Ending, since_received: u32) -> bool {
    let newest = first.rcv_nxt.wrapping_sub(first.snd_wl1);
    ending.local
        && ending.close_type == CloseType::Fin
        && !first.is_fin_received()
        && first.unread() == 0
        && since_received <= TOGETHER_TICKS
        && (1..=MAX_FAREWELL_BYTES).contains(&newest)
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
    if !matches!(view.phase, Phase::Idle | Phase::Transaction) || facts.is_seen_late() {
        return None;
    }
    Some(f64::from(view.ticks_since(facts, view.idle_since?)) * facts.tick)
}

/// Clock `silent`, seconds. The HTTP tier knows retransmissions for what they are; the socket's own time of last
/// sending is moved by them (`tcp_event_data_sent`, net/ipv4/tcp_output.c, v6.12).
pub(super) fn silent_seconds(facts: &Facts, view: &ExchangePhase) -> Option<f64> {
    if facts.is_seen_late() {
        return None;
    }
    if view.ended_at.is_some() {
        if let Some(websocket) = websocket::seen(view, None) {
            let newest = [&websocket.client, &websocket.server].into_iter().filter_map(|sent| sent.last_at);
            let ticks =
                newest.chain(view.request_start_jiffies).map(|at| view.ticks_since(facts, at)).min()?;
            return Some(f64::from(ticks) * facts.tick);
        }
        // The word itself is no silence's end.
        let messages = [view.idle_since, view.request_start_jiffies].into_iter().flatten();
        let newest = messages.map(|at| view.ticks_since(facts, at)).min()?;
        return Some(f64::from(newest) * facts.tick);
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
