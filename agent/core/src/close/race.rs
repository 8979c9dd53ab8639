//! Whether a request met an idle close and was lost. Sequence numbers decide where they can.

use whohungup_ebpf::{event::Reset, exchange::TLS};

use super::{
    ending::Ending,
    facts::{Facts, Reading as _, is_before, is_known_by_its_drop},
    farewell::{FIRST_BYTES, MAX_TLS_ALERT_BYTES, is_farewell},
    half_close::is_reset_after,
    middlebox::Received,
    phase::{ExchangePhase, is_asking},
};
use crate::http::{ExchangeState, Goaway, is_read, tls::Records};
use crate::labels::{Basis, Cause, CloseType, Closer, Phase, Race, Role};
use crate::protocol::MAX_FAREWELL_BYTES;

/// A reset that comes within this (and two round trips) of a request answers it, whatever the server had read.
const PROMPT_SECONDS: f64 = 0.020;
/// Who had been idle for less before it asked met no idle timer of its own: a load generator that has had enough closes its
/// connections in the midst of their next requests.
const SHORTEST_IDLE_SECONDS: f64 = 0.05;
/// Timers of servers run late, not early; what they announce is in whole seconds.
const ANNOUNCED_SHARE: f64 = 0.98;
const TCP_FIN: u8 = 0x01;

/// A race, with whether it is proved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub race: Race,
    pub exact: bool,
    /// Seconds for which the loser had known that the other side had closed.
    pub known_for: Option<f64>,
}

impl Found {
    fn new(race: Race, exact: bool) -> Self {
        Self { race, exact, known_for: None }
    }
}

pub(super) fn find(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    if ending.connecting || !matches!(ending.closer, Closer::Client | Closer::Server) {
        return None;
    }
    let word = view.reading.as_ref().and_then(|reading| reading.said.word.as_ref());
    if word.is_some_and(|word| word.is_answer) {
        // The server had refused the client, and said so.
        return None;
    }
    if let Some(found) = met_by_a_farewell(facts, ending, view) {
        return Some(found);
    }
    if view.was_never_asked {
        // The server greets, and has refused the client: whatever comes then is its first word, and no timer was running.
        return None;
    }
    if is_announced(view) {
        // A request after an announced end is the sender's own mistake, no matter of timeouts.
        return None;
    }
    if view.at.as_ref().is_some_and(|at| at.answered_early.is_some()) {
        // The server had read enough of it to answer.
        return None;
    }
    if let Some(found) = unseen_by_the_goaway(ending, view) {
        return Some(found);
    }
    match (facts.role, ending.local) {
        (Role::Server, true) => at_server(facts, ending, view),
        (Role::Client, false) => at_client(facts, ending, view),
        (Role::Client, true) | (Role::Server, false) => own_timer(facts, ending, view),
        (Role::Unknown, _) => None,
    }
}

/// The response before the request that was lost said that it is the last.
pub(super) fn is_announced(view: &ExchangePhase) -> bool {
    let before = view.at.as_ref().is_some_and(|at| at.announced_before);
    (view.announced && view.phase == Phase::Idle) || (before && view.reused)
}

/// HTTP/1: the server had ended an idle connection in words that nobody had asked for (408), and the request came then. The
/// client's end takes them for the answer: but who has a whole request does not say that it waited for it in vain.
fn met_by_a_farewell(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let at = view.at.as_ref().filter(|at| !at.http2 && !at.encrypted && view.reused)?;
    if ending.closer != Closer::Server {
        return None;
    }
    let is_alone = is_asking(view.phase) && view.in_flight == Some(1);
    if at.unasked_status.is_some() && is_alone {
        // To the client's end a response is asked for by any request that left before it.
        let crossed = facts.role == Role::Server && at.sent_before_response?;
        let race = if crossed { Race::Crossed } else { Race::Stale };
        return Some(Found::new(race, view.reads_segments() && view.exact));
    }
    let answered_at_once = at.response_end.zip(at.request_start).is_some_and(|(end, start)| {
        let ticks = end.wrapping_sub(start);
        f64::from(ticks) * facts.tick <= prompt(facts)
    });
    let is_farewell =
        facts.role == Role::Client && view.phase == Phase::Idle && at.status == Some(408) && answered_at_once;
    is_farewell.then_some(Found::new(Race::Crossed, false))
}

/// The server's kernel: its own close first, then the request.
fn at_server(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let alone = view.reused && view.in_flight == Some(1) && is_asking(view.phase);
    let start = request_start(view).filter(|_| alone);
    if start.is_some_and(|start| !is_before(start, facts.first.rcv_nxt)) {
        // It had passed the probe, and waited for the process that closed to let go of the socket.
        return Some(Found::new(Race::Crossed, view.exact));
    }
    if view.phase == Phase::Idle {
        return late_request(facts, ending, view).or_else(|| thrown_away(facts, ending, view));
    }
    let is_unread = is_asking(view.phase) && view.reused && is_unread_whole(facts, view);
    // A process that ends takes with it what it had no time to read; of what it left lying it had no idle connection.
    let by_exit = matches!(ending.cause, Cause::ProcessExit | Cause::ProcessKilled | Cause::OomKilled);
    let in_time = !by_exit || view.request_seconds(facts).is_some_and(|age| age <= prompt(facts));
    (ending.close_type == CloseType::Rst && is_unread && in_time)
        .then_some(Found::new(Race::Unread, view.reads_segments() && view.exact))
}

/// The server had read nothing of the request, however long it lay there: to its process the connection was idle.
fn is_unread_whole(facts: &Facts, view: &ExchangePhase) -> bool {
    let unread = facts.first.unread();
    // Of one that came in pieces the last may have passed the probe and not be in the queue yet.
    let untouched = request_start(view).is_some_and(|start| !is_before(start, facts.first.copied_seq));
    let all = view.request_bytes.is_some_and(|request| unread >= request);
    unread > 0 && (all || untouched)
}

/// Where the newest request begins, when its segments were read.
fn request_start(view: &ExchangePhase) -> Option<u32> {
    let followed = view.at.as_ref().filter(|_| view.reads_segments());
    followed.map_or(view.request_seq, |at| at.request_seq)
}

/// A request drew a reset from the socket that had closed, its time-wait socket, the listener or
/// no socket: what it acknowledges tells whether the client had seen the FIN.
fn late_request(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    if view.at.as_ref().is_some_and(|at| at.http2) && !asks_after(view) {
        // It may as well have been an acknowledgment of SETTINGS, or a GOAWAY in answer to one.
        return None;
    }
    let segment = facts.resets.iter().find(|reset| {
        reset.direction == whohungup_ebpf::event::RESET_SENT
            && reset.has_segment == 1
            && reset.payload > 0
            && brings_new_bytes(facts, reset)
            && (view.reads_segments() || !says_farewell(facts, &reset.first, reset.payload))
            && !(view.reads_segments() && is_no_request(view, reset))
    })?;
    let saw_fin = ending.close_type == CloseType::Fin && acknowledges_the_fin(facts, segment.ack_seq);
    // A client that had closed too was not sending a request.
    if segment.tcp_flags & TCP_FIN != 0 && !view.reads_segments() {
        return None;
    }
    let race = if saw_fin { Race::Stale } else { Race::Crossed };
    Some(Found::new(race, view.reads_segments() && view.exact))
}

/// HTTP/1: the rest of a body that was answered early, or empty lines, which ask for nothing (RFC 9112 section 2.2).
fn is_no_request(view: &ExchangePhase, late: &Reset) -> bool {
    let is_in_body = view.at.as_ref().is_some_and(|at| at.awaits_body);
    let len = late.payload as usize;
    let is_empty = match late.first.get(..len) {
        // Out of the probe's reach: two empty lines at most, and no method with what it asks for.
        Some(shown) if shown.iter().all(|&byte| byte == 0) => len <= 4,
        Some(shown) => shown.iter().all(|byte| matches!(byte, b'\r' | b'\n')),
        None => false,
    };
    is_in_body || is_empty
}

/// In TLS, and in protocols that are not read, the first bytes of a late message tell whether it asks for anything.
fn says_farewell(facts: &Facts, first: &[u8; FIRST_BYTES], len: u32) -> bool {
    let records = records(facts);
    if *first == [0; FIRST_BYTES] {
        // Out of the probe's reach. The client's end knows, where it is on this host.
        return is_as_long_as_a_farewell(records.as_ref(), len);
    }
    let said = records.and_then(|records| records.asks_for_nothing(first, len));
    said.unwrap_or_else(|| is_farewell(first, len))
}

fn is_as_long_as_a_farewell(records: Option<&Records>, len: u32) -> bool {
    let known = records.and_then(|records| records.may_ask_for_nothing(len));
    known.unwrap_or(len <= MAX_TLS_ALERT_BYTES)
}

/// TLS: what had passed at the first step.
fn records(facts: &Facts) -> Option<Records> {
    facts.exchange.as_deref().filter(|exchange| exchange.protocol == TLS).map(Records::of)
}

/// A server that had shut its sending side only (Apache's lingering close) reads what comes and throws it away: no
/// reset tells of it. What the request acknowledges tells whether its sender had seen the FIN.
fn thrown_away(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let shut_only = ending.close_type == CloseType::Fin && !facts.first.is_closed_whole();
    let is_asked = if view.reads_segments() { asks_after(view) } else { asks_in_records(view) == Some(true) };
    if !shut_only || !is_asked || view.at.as_ref()?.begun == 0 {
        return None;
    }
    let saw_fin = acknowledges_the_fin(facts, facts.exchange_after.as_ref()?.request_ack);
    let race = if saw_fin { Race::Stale } else { Race::Crossed };
    Some(Found::new(race, view.reads_segments() && view.exact))
}

/// TLS: the records that came after the close ask for something; `None` where none were seen.
fn asks_in_records(view: &ExchangePhase) -> Option<bool> {
    let records = |state: &Option<ExchangeState>| state.as_ref()?.records.clone();
    Some(records(&view.after)?.asks_since(&*records(&view.at)?))
}

/// HTTP/2: bytes met what the close had left, and nobody read them: a stream that was lost, or a frame in answer.
pub(super) fn late_bytes(facts: &Facts, view: &ExchangePhase) -> Option<u32> {
    let http2 = view.at.as_ref().is_some_and(|at| at.http2);
    let is_open_question = facts.role == Role::Server && http2 && !asks_after(view);
    let late = facts.resets.iter().find(|reset| {
        reset.direction == whohungup_ebpf::event::RESET_SENT
            && reset.has_segment == 1
            && reset.payload > 0
            && brings_new_bytes(facts, reset)
    });
    late.filter(|_| is_open_question).map(|reset| reset.payload)
}

/// A request (HTTP/2: a new stream) began after the close.
fn asks_after(view: &ExchangePhase) -> bool {
    view.at.as_ref().zip(view.after.as_ref()).is_some_and(|(at, after)| after.begun != at.begun)
}

/// HTTP/2: all open streams came on an idle connection and lie above the last that the server's GOAWAY has seen: they
/// crossed it.
fn unseen_by_the_goaway(ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let at = view.at.as_ref().filter(|at| at.unseen > 0 && Some(at.unseen) == at.in_flight)?;
    let is_polite = at.goaway_frame.as_ref().is_some_and(Goaway::is_polite);
    (ending.closer == Closer::Server && is_polite && view.reused && is_asking(view.phase))
        .then_some(Found::new(Race::Crossed, view.exact))
}

/// Of this end, behind all that its process had written.
fn acknowledges_the_fin(facts: &Facts, ack_seq: u32) -> bool {
    is_before(facts.first.write_seq, ack_seq)
}

/// Not the retransmission of what had come before the close. Where the reset itself is reported (on Linux
/// 6.10 and later) there is no need to ask; before, only the segment that a time-wait socket dropped is.
fn brings_new_bytes(facts: &Facts, segment: &Reset) -> bool {
    let end = segment.seq.wrapping_add(segment.payload);
    !is_known_by_its_drop(segment) || is_before(facts.first.rcv_nxt, end)
}

/// The client's kernel: a request, and the server's close instead of an answer.
fn at_client(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let first = &facts.first;
    match ending.close_type {
        // The FIN's acknowledgment does not cover the request: the server had not seen it.
        CloseType::Fin if view.phase == Phase::Idle => stale_request(facts, view),
        CloseType::Fin => {
            let unseen = first.unacked();
            let all = view.request_bytes.is_some_and(|request| unseen >= request);
            (is_asking(view.phase) && view.reused && unseen > 0 && all)
                .then_some(Found::new(Race::Crossed, view.reads_segments() && view.exact))
        }
        CloseType::Rst if is_asking(view.phase) && view.reused => {
            let unseen = does_not_acknowledge_the_request(facts, view);
            if unseen {
                return Some(Found::new(Race::Crossed, view.reads_segments() && view.exact));
            }
            is_at_the_timer(facts, view).then_some(Found::new(Race::Unread, false))
        }
        CloseType::Rst | CloseType::Timeout | CloseType::Abort => None,
    }
}

/// Whether the server's idle timer may have been due when its reset came: by what it announced, or else by the time in
/// which the reset came.
fn is_at_the_timer(facts: &Facts, view: &ExchangePhase) -> bool {
    let announced = view.at.as_ref().and_then(|at| at.keep_alive_timeout);
    match announced.zip(since_answered(facts, view)) {
        Some((timeout, idle)) => idle >= f64::from(timeout) * ANNOUNCED_SHARE,
        None => view.request_seconds(facts).is_some_and(|age| age <= prompt(facts)),
    }
}

/// Seconds since the newest response ended: for how long the connection was idle to a server that has read nothing since.
pub(super) fn since_answered(facts: &Facts, view: &ExchangePhase) -> Option<f64> {
    let ended = view.at.as_ref().map_or(view.idle_since, |at| at.response_end)?;
    (!facts.is_seen_late()).then(|| f64::from(facts.first.ticks_since(ended)) * facts.tick)
}

/// The server's reset left before the request had come.
fn does_not_acknowledge_the_request(facts: &Facts, view: &ExchangePhase) -> bool {
    // Of what is not read, the bytes that wait for an acknowledgment stand for the request: where none do, it had come.
    let is_followed = facts.exchange.as_deref().is_some_and(is_read);
    let waits = facts.first.unacked() > 0;
    let request = if is_followed { request_start(view) } else { Some(facts.first.snd_una).filter(|_| waits) };
    let acknowledged = Received::of(facts).and_then(|reset| reset.acknowledges);
    acknowledged.zip(request).is_some_and(|(acknowledged, start)| !is_before(start, acknowledged))
}

/// The client's pool gave the connection out and closed it in the same moment; the clock tick is as
/// close as can be reported.
fn own_timer(facts: &Facts, ending: Ending, view: &ExchangePhase) -> Option<Found> {
    let together = view.request_start_jiffies.is_some_and(|start| facts.first.ticks_since(start) <= 1);
    let whole = !ending.local || facts.first.is_closed_whole();
    // A process that ends has no pool's timer.
    let exits = matches!(ending.cause, Cause::ProcessExit | Cause::ProcessKilled | Cause::OomKilled);
    (!exits
        && ending.close_type == CloseType::Fin
        && ending.closer == Closer::Client
        && view.basis == Basis::Http
        && view.phase == Phase::Waiting
        && view.reused
        && was_idle(facts, view)
        && together
        && whole
        && !served_after(facts, ending, view))
    .then_some(Found::new(Race::OwnTimer, false))
}

/// The newest request came on a connection that had been idle for a while, or it is not known when.
fn was_idle(facts: &Facts, view: &ExchangePhase) -> bool {
    let ended = view.at.as_ref().and_then(|at| at.response_end);
    let gap = ended.zip(view.request_start_jiffies).map(|(ended, start)| start.wrapping_sub(ended));
    // What ended later than the request began was another's answer.
    gap.is_none_or(|ticks| ticks < u32::MAX / 2 && f64::from(ticks) * facts.tick >= SHORTEST_IDLE_SECONDS)
}

/// The request was answered after all: not where the client had closed both directions, or reset what came.
fn served_after(facts: &Facts, ending: Ending, view: &ExchangePhase) -> bool {
    !ending.local
        && !is_reset_after(facts)
        && view.after.as_ref().is_some_and(|after| after.phase == Phase::Idle)
}

/// The client wrote after the FIN had arrived.
fn stale_request(facts: &Facts, view: &ExchangePhase) -> Option<Found> {
    let last = facts.last.as_ref()?;
    let written = last.write_seq.wrapping_sub(facts.first.write_seq);
    if written == 0 || written > u32::MAX / 2 {
        return None;
    }
    let asked = view.basis == Basis::Http && asks_after(view);
    let asks_for_nothing =
        || asks_in_records(view).map_or_else(|| is_last_word(facts, view, written), |asks| !asks);
    if !asked && (view.basis == Basis::Http || asks_for_nothing()) {
        return None;
    }
    let known = last.lsndtime.wrapping_sub(facts.first.header.jiffies);
    Some(Found {
        race: Race::Stale,
        exact: asked && view.exact,
        known_for: (known < u32::MAX / 2).then(|| f64::from(known) * facts.tick),
    })
}

/// What a client wrote after the server's FIN asks for nothing.
fn is_last_word(facts: &Facts, view: &ExchangePhase, written: u32) -> bool {
    match facts.written_late() {
        Some(first) => says_farewell(facts, &first, written),
        None if view.basis == Basis::Inferred => is_as_long_as_a_farewell(records(facts).as_ref(), written),
        None => written <= MAX_FAREWELL_BYTES,
    }
}

fn prompt(facts: &Facts) -> f64 {
    PROMPT_SECONDS.max(2.0 * facts.first.srtt_seconds())
}
