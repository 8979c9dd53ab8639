//! Where a conversation stood whose messages are not followed: by the edges of a protocol that is known, or else by who
//! spoke last.

use whohungup_ebpf::{
    conversation::Conversation,
    exchange::{HTTP, HTTP2, IN, OUT, TLS},
};

use super::{
    ending::Ending,
    facts::{Facts, Reading as _, is_before},
    phase::{ExchangePhase, from_turns, is_empty_line, is_one_way, leaves_an_answer},
    request_totals::RequestTotals,
};
use crate::{
    http,
    labels::{Basis, Cause, Closer, Phase, Protocol, Role},
    protocol::{self, Said, State, is_multiplexed},
};

/// A peer sends two heartbeats in an interval, and is given up after two without one: the server's newest is younger than
/// half an interval then, and the client's bytes are older than two.
const SILENT_FOR_HEARTBEATS: u32 = 3;
/// Servers look now and then, and run late, not early.
const ON_TIME: f64 = 0.98;

/// A server that closes so soon (clock ticks) behind a message of the client's closes because of it.
const AT_ONCE_TICKS: u32 = 2;
/// Memcached answers what it has read before it does anything else.
const ANSWERED_SECONDS: f64 = 0.1;

/// Direction of the client's bytes.
pub(super) const fn client_direction(role: Role) -> Option<u8> {
    match role {
        Role::Client => Some(OUT),
        Role::Server => Some(IN),
        Role::Unknown => None,
    }
}

/// Where it stood at the first step, by turns where no segment passed the probe.
pub(super) fn from_conversation(facts: &Facts, ending: Ending) -> ExchangePhase {
    let turns = from_turns(facts, ending);
    let Some(client) = client_direction(facts.role) else { return turns };
    let Some(conversation) = at_the_end(facts, ending) else { return turns };
    let is_silent = conversation.flows.iter().all(|flow| flow.turns == 0);
    if turns.phase == Phase::Unused {
        return turns;
    }
    if is_silent {
        return if conversation.heartbeats == 0 { turns } else { only_heartbeats(turns) };
    }
    let first = &facts.first;
    let reading = protocol::read(conversation, client);
    let (asks, answers) = (conversation.flow(client), conversation.flow(IN + OUT - client));
    let asked_last = conversation.last_direction == client;
    // What is unread behind our answer is the end of what was answered, unless the client gave up sending it.
    let gave_up = facts.role == Role::Server && first.unread() > 0 && !ending.local;
    let by_turns = (asked_last || gave_up) && !is_one_way(facts);
    let said = &reading.said;
    let phase = match said.state {
        State::Transaction => Phase::Transaction,
        State::Asked => Phase::Waiting,
        State::Answering => Phase::Response,
        // A farewell asks for nothing.
        State::Turns if by_turns && !said.farewell => Phase::Waiting,
        State::Unclear if !was_read(facts, asks.last) => Phase::Unknown,
        State::Idle | State::Turns | State::Unclear => Phase::Idle,
    };
    let is_refused = said.is_refused_by_closing
        && phase == Phase::Idle
        && ending.closer == Closer::Server
        && ending.cause == Cause::Unknown
        && facts.first.ticks_since(asks.last) <= AT_ONCE_TICKS;
    let phase = if is_refused { Phase::Waiting } else { phase };
    // More of an answer than a notice has, which the client leaves.
    let phase = if leaves_an_answer(facts, ending) && !said.farewell { Phase::Response } else { phase };
    let is_open = phase.is_in_flight();
    let decides = said.state != State::Turns;
    let is_read = decides || said.farewell || said.word.is_some();
    let is_unasked = said.word.is_some() && answers.turn_seq != answers.newest_seq;
    let idle_since = match () {
        () if answers.turns == 0 => asks.last,
        // The words that come with the close end no silence.
        () if is_unasked => answers.before_at,
        () if said.word.is_some() => asks.last,
        // It asked for nothing, and the connection was used all the same.
        () if asked_last && decides && !said.farewell => asks.last,
        () => answers.last,
    };
    ExchangePhase {
        phase,
        in_flight: (phase != Phase::Unknown).then_some(u32::from(is_open)),
        requests: None,
        basis: if is_read { Basis::Protocol } else { Basis::Turns },
        exact: decides && reading.is_whole && !reading.is_multiplexed && !said.is_guess,
        reused: answers.turns > 0 && (asks.turns > 1 || !is_open),
        request_bytes: Some(asks.end_seq.wrapping_sub(asks.turn_seq)),
        request_seq: Some(asks.turn_seq),
        request_start_jiffies: is_open.then_some(asks.turn_at),
        // Bytes that left together with the close are read where the protocol is known.
        idle_since: if is_read || !turns.is_ambiguous_last_word || (asked_last && answers.turns > 0) {
            Some(idle_since)
        } else {
            turns.idle_since
        },
        is_ambiguous_last_word: turns.is_ambiguous_last_word && !is_read,
        is_farewell_read: turns.is_farewell_read && !is_read,
        is_heartbeat_missing: is_heartbeat_missing(facts, conversation, client, said),
        was_never_asked: asks.turns == 0 && reading.is_whole,
        is_first_word: answers.turns > 1
            && asks.turns > 0
            && answers.turn_seq == answers.newest_seq
            && !asked_last,
        is_only_answer: reading.is_whole && !asked_last && asks.turns == 1 && answers.turns == 1,
        totals: totals(facts, conversation, client, reading.protocol, is_open),
        reading: Some(reading),
        ..turns
    }
}

/// The server has read all that came, and has lived for longer since than it takes to answer. Only its own end knows.
fn was_read(facts: &Facts, asked_at: u32) -> bool {
    let since = f64::from(facts.first.ticks_since(asked_at)) * facts.tick;
    let lives = !facts.first.is_exiting() && since >= ANSWERED_SECONDS;
    facts.role == Role::Server && facts.first.unread() == 0 && lives
}

/// Nothing has been asked since the connection was first seen.
fn only_heartbeats(turns: ExchangePhase) -> ExchangePhase {
    ExchangePhase {
        phase: Phase::Idle,
        in_flight: Some(0),
        exact: false,
        request_start_jiffies: None,
        idle_since: None,
        is_ambiguous_last_word: false,
        is_farewell_read: false,
        ..turns
    }
}

/// The conversation at the first step. What this end had written before its close may have passed the probe after it.
fn at_the_end(facts: &Facts, ending: Ending) -> Option<&Conversation> {
    let at = facts.conversation.as_deref();
    let first = &facts.first;
    let reaches = |conversation: &&Conversation| {
        conversation.flow(OUT).segments == 0 && first.payload_sent() == 0 && first.write_seq == first.snd_nxt
            || !is_before(conversation.flow(OUT).end_seq, first.write_seq)
    };
    let heard = |conversation: &Conversation| conversation.flow(IN).segments;
    // Where its bytes did not leave, they are its newest message all the same: turns know.
    let later = facts.conversation_after.as_deref().filter(|_| ending.local);
    let same = |later: &&Conversation| at.is_none_or(|at| heard(at) == heard(later));
    at.filter(reaches).or_else(|| later.filter(reaches).filter(same))
}

/// The server's time without a word from the client is over: bytes of the client's, heartbeats included, came before it.
fn is_heartbeat_missing(facts: &Facts, at: &Conversation, client: u8, said: &Said) -> bool {
    let ticks = |jiffies: u32| facts.first.ticks_since(jiffies);
    if said.owes_a_word && at.heartbeats > 1 {
        // The client's bytes, heartbeats included, by the socket's own clock.
        let first = &facts.first;
        let since = ticks(if client == IN { first.lrcvtime } else { first.lsndtime });
        return since > SILENT_FOR_HEARTBEATS * ticks(at.heartbeat_at).max(1);
    }
    let most = said.most_silence;
    let since = ticks(at.flow(client).last);
    // A heartbeat may be the server's answer to one; it came right behind it.
    let since = if at.heartbeats > 0 { since.min(ticks(at.heartbeat_at)) } else { since };
    most.is_some_and(|most| f64::from(since) * facts.tick >= most * ON_TIME)
}

/// Requests of a protocol in which each turn of the client's is one.
fn totals(
    facts: &Facts,
    at: &Conversation,
    client: u8,
    protocol: Protocol,
    is_open: bool,
) -> Option<RequestTotals> {
    if protocol == Protocol::Other || is_multiplexed(protocol) || at.asker != client {
        return None;
    }
    let newest = facts.conversation_after.as_deref().unwrap_or(at);
    let begun = newest.flow(client).turns;
    Some(RequestTotals {
        basis: Basis::Protocol,
        begun,
        answered: newest.answered.min(begun),
        unanswered: u32::from(is_open).min(begun.saturating_sub(newest.answered)),
        reuses: newest.reuses,
        gap: newest.gap,
    })
}

/// What the conversation began as; `None` where none was seen.
pub(super) fn begun(facts: &Facts) -> Option<Protocol> {
    let seen = facts.conversation.as_deref().zip(client_direction(facts.role));
    seen.map(|(conversation, client)| protocol::recognise(conversation, client))
}

/// What is spoken on the connection; `None` where nothing was said, or nothing of it was seen.
pub(super) fn spoken(facts: &Facts, view: &ExchangePhase) -> Option<Protocol> {
    let first = || begun(facts);
    let exchange = facts
        .exchange
        .as_deref()
        .or(facts.exchange_after.as_deref())
        .filter(|one| http::is_read(one) && !is_empty_line(facts, one));
    if view.at.as_ref().is_some_and(|at| at.websocket.is_some()) {
        return Some(Protocol::Websocket);
    }
    match exchange.map(|exchange| exchange.protocol) {
        Some(HTTP) => Some(Protocol::Http),
        Some(HTTP2) => Some(Protocol::Http2),
        Some(TLS) if view.is_plaintext => {
            let is_http2 = view.at.as_ref().is_some_and(|at| at.http2);
            Some(if is_http2 { Protocol::Http2 } else { Protocol::Http })
        }
        // What went over to TLS had begun in clear.
        Some(TLS) => first().filter(|&protocol| protocol != Protocol::Other).or(Some(Protocol::Tls)),
        _ => first(),
    }
}
