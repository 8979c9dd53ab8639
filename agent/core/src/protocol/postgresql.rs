//! PostgreSQL, and the poolers that speak it (PostgreSQL documentation, chapter "Frontend/Backend Protocol").

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

/// StartupMessage 3.0, CancelRequest, SSLRequest, GSSENCRequest.
const CODES: [u32; 4] = [196_608, CANCEL, 80_877_103, 80_877_104];
const CANCEL: u32 = 80_877_102;
/// Of a message's length, beyond which it is none.
const MOST: u32 = 1 << 30;
/// The end of an error that names the routine `ProcessInterrupts` (src/backend/tcop/postgres.c), without a ReadyForQuery: it
/// was fatal.
const INTERRUPTED: &[u8] = b"rrupts\0\0";
/// CopyInResponse: the command (COPY FROM STDIN) waits for the client's rows. Of one byte, an answer to a GSSENCRequest.
const COPY_IN: u8 = b'G';
/// The backend's messages that come at any time, and belong to no answer: notice, parameter.
const ASYNCHRONOUS: &[u8] = b"NS";

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let opening = &edges.client.opening;
    let length = opening.be32(0);
    let code = opening.be32(4);
    !edges.server_spoke_first
        && length.is_some_and(|length| length == opening.len || (length < opening.len && length >= 8))
        && code.is_some_and(|code| CODES.contains(&code) || code >> 16 == 3 && code & 0xffff < 16)
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    let turn = &edges.client.turn;
    let is_asked = b"QPBEDCSHXFpcdf".contains(&turn.byte(0)) && length(turn).is_some();
    let server = &edges.server.newest;
    let is_answered = ready(server.tail).is_some() || (server.byte(0) == b'E' && severity(server).is_some());
    is_asked && is_answered
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    if edges.client_spoke_last && !leaves_behind_the_end(edges) {
        return asked(edges);
    }
    let said = answered(edges);
    // Of several that were sent at once, others may be open.
    Said { is_guess: said.is_guess || !is_single(edges), ..said }
}

/// A Terminate in answer to the words with which the server ended the session, which it will not read.
fn leaves_behind_the_end(edges: &Edges<'_>) -> bool {
    let newest = &edges.client.newest;
    let is_terminate = newest.starts_with(b"X\0\0\0\x04") && newest.len == 5 && edges.client.is_turn_newest;
    is_terminate && is_fatal(&edges.server.newest) && ready(edges.server.before).is_some()
}

/// An error after which the server ends the session.
fn is_fatal(message: &Message<'_>) -> bool {
    message.byte(0) == b'E' && severity(message).is_some_and(|severity| severity != "ERROR")
}

/// The server's newest message is the first behind the client's, which asked for something.
fn is_within_a_command(edges: &Edges<'_>) -> bool {
    let asks = !matches!(edges.client.turn.byte(0), 0 | b'p') && !is_status(&edges.client.newest);
    edges.server.is_turn_newest && asks
}

/// The client's newest turn is one query, or the beginning of the session.
fn is_single(edges: &Edges<'_>) -> bool {
    let client = &edges.client;
    let is_query = client.turn.byte(0) == b'Q' && length(&client.turn) == client.turn.len.checked_sub(1);
    let is_startup = client.turn.be32(0) == Some(client.turn.len) && client.turn.byte(0) == 0;
    client.is_turn_newest && (is_query || is_startup)
}

fn asked(edges: &Edges<'_>) -> Said {
    let (client, newest) = (&edges.client, &edges.client.newest);
    let is_terminate = newest.starts_with(b"X\0\0\0\x04") && newest.len == 5;
    // What asks for an answer comes with its Sync before it.
    let farewell = is_terminate || newest.ends_with(b"X\0\0\0\x04");
    let is_alone = is_terminate && (client.is_turn_newest || is_status(&client.turn));
    // On a connection of its own, if need be behind an SSLRequest.
    let is_cancel = client.turn.be32(0) == Some(16) && client.turn.be32(4) == Some(CANCEL);
    // A standby's status update (streaming replication) asks for nothing; a row of COPY FROM STDIN may begin like one.
    let is_streaming = b"Wd".contains(&edges.server.turn.byte(0));
    let is_status = is_streaming && newest.byte(0) == b'd' && newest.byte(5) == b'r';
    let before = ready(edges.server.newest.tail);
    let state = match before {
        _ if is_status => State::Idle,
        Some(state) if is_alone => state,
        _ if is_alone || is_cancel => State::Idle,
        _ => State::Asked,
    };
    Said { state, farewell: farewell || is_cancel, ..Said::default() }
}

fn answered(edges: &Edges<'_>) -> Said {
    let server = &edges.server;
    let newest = &server.newest;
    if let Some(state) = ready(newest.tail) {
        return Said { state, ..Said::default() };
    }
    let before = || match ready(server.before) {
        Some(state) => state,
        None if server.turns <= 1 => State::Turns,
        None => State::Answering,
    };
    let error = without_authentication(newest);
    if is_fatal(&error) {
        return ended(edges, Some(word(code(&error), pooler(&error), is_logging_in(edges))));
    }
    if newest.ends_with(INTERRUPTED) {
        // Behind the beginning of an answer, in one segment with it.
        let code = "FATAL in ProcessInterrupts".to_owned();
        let word = Word { cause: Cause::AdminShutdown, code, is_answer: false };
        let state = if server.is_turn_newest { State::Asked } else { State::Answering };
        return Said { state, word: Some(word), is_guess: true, ..Said::default() };
    }
    let is_alone = length(newest) == newest.len.checked_sub(1);
    let unasked = ready(server.before).filter(|_| !server.is_turn_newest && is_alone);
    if let Some(state) = unasked.filter(|_| newest.byte(0) == b'E' && severity(newest).is_some()) {
        // Nothing was open to have failed: Pgpool-II ends an idle client so. Why stands behind what is kept.
        let code = format!("SQLSTATE {}", code(newest));
        let word = Word { cause: Cause::Unknown, code, is_answer: false };
        return Said { state, word: Some(word), is_guess: true, ..Said::default() };
    }
    let state = match newest.byte(0) {
        // Notifications are sent between transactions only (`ProcessNotifyInterrupt`, src/backend/commands/async.c).
        b'A' if is_alone => State::Idle,
        // A notice that a command sends before it has ended. What is ready in front of it is the answer to another.
        kind if is_alone && ASYNCHRONOUS.contains(&kind) && is_within_a_command(edges) => State::Asked,
        kind if is_alone && ASYNCHRONOUS.contains(&kind) => before(),
        // An answer to an SSLRequest; a request for a password: it is the client's turn.
        b'S' | b'N' | b'G' if newest.len == 1 => State::Turns,
        b'R' => State::Turns,
        COPY_IN => State::Answering,
        // Streaming replication, in answer to START_REPLICATION or to a standby's status.
        _ if b"Wd".contains(&server.turn.byte(0)) => State::Idle,
        // Flush: an answer without an end.
        _ if edges.client.newest.ends_with(b"H\0\0\0\x04") => State::Turns,
        _ => State::Answering,
    };
    Said { state, ..Said::default() }
}

/// By a fatal error, after which nothing comes.
fn ended(edges: &Edges<'_>, word: Option<Word>) -> Said {
    let server = &edges.server;
    // A notification ends with a zero, a row of text does not.
    let is_push = server.before.ends_with(&[0]);
    let (state, is_guess) = match word.as_ref().map(|word| word.cause) {
        _ if word.as_ref().is_some_and(|word| word.is_answer) => (State::Idle, false),
        // They come when nothing is open; a command that the server had not read is lost to them.
        Some(Cause::IdleTimeout) if !server.is_turn_newest => (State::Idle, false),
        Some(Cause::TransactionTimeout) if !server.is_turn_newest => (State::Transaction, false),
        _ if server.is_turn_newest && is_status(&edges.client.newest) => (State::Idle, true),
        _ if server.is_turn_newest => (State::Asked, false),
        _ => match ready(server.before) {
            Some(state) => (state, false),
            // A pooler had passed on what ended the session behind it: in answer, or to an idle client behind one.
            None if server.before.ends_with(INTERRUPTED) => {
                match (server.is_turn_before, server.turn.byte(0)) {
                    (true, b'E') => (State::Asked, false),
                    (true, _) => (State::Answering, false),
                    (false, _) => (State::Idle, true),
                }
            }
            None if server.turn.byte(0) == COPY_IN => (State::Answering, false),
            None if is_push => (State::Idle, true),
            None => (State::Answering, true),
        },
    };
    Said { state, word, is_guess, ..Said::default() }
}

/// ReadyForQuery at the end of what was said.
fn ready(tail: [u8; 8]) -> Option<State> {
    match tail {
        [_, _, b'Z', 0, 0, 0, 5, b'I'] => Some(State::Idle),
        [_, _, b'Z', 0, 0, 0, 5, b'T' | b'E'] => Some(State::Transaction),
        _ => None,
    }
}

/// What comes behind an AuthenticationOk in one segment with it: a session that is refused all the same.
fn without_authentication<'a>(message: &Message<'a>) -> Message<'a> {
    let rest = message.first.strip_prefix(b"R\0\0\0\x08\0\0\0\0");
    rest.map_or(*message, |first| Message { first, ..*message })
}

/// Of a message with a type: bytes behind that.
fn length(message: &Message<'_>) -> Option<u32> {
    message.be32(1).filter(|length| (4..MOST).contains(length))
}

/// Of an ErrorResponse: its fields, as far as they are kept, each with its type.
fn fields<'a>(message: &Message<'a>) -> impl Iterator<Item = (u8, &'a str)> {
    let text = message.first.get(5..).unwrap_or_default();
    text.split(|&byte| byte == 0).filter_map(|field| {
        let (kind, value) = field.split_first()?;
        Some((*kind, std::str::from_utf8(value).ok()?))
    })
}

/// The one that is not translated, from PostgreSQL 9.6 on; older servers and poolers have the other alone.
fn severity<'a>(message: &Message<'a>) -> Option<&'a str> {
    let of = |wanted: u8| fields(message).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    of(b'V').or_else(|| of(b'S')).filter(|severity| ["ERROR", "FATAL", "PANIC"].contains(severity))
}

/// As far as it is kept.
fn code<'a>(message: &Message<'a>) -> &'a str {
    fields(message).find(|(kind, _)| *kind == b'C').map_or("", |(_, code)| code)
}

/// PgBouncer has one code for all (08P01, or 57P01 for some from version 1.20 on), and says in words what it is.
fn pooler(message: &Message<'_>) -> Option<Cause> {
    let words = fields(message).find(|(kind, _)| *kind == b'M').map(|(_, words)| words)?;
    let says = |begin: &str| {
        !words.is_empty() && (words.starts_with(begin) || begin.starts_with(words) && words.len() > 7)
    };
    match () {
        () if says("client_idle_timeout") => Some(Cause::IdleTimeout),
        () if says("idle transaction timeout") => Some(Cause::TransactionTimeout),
        // PgBouncer 1.18 says "query timeout".
        () if ["query timeout", "query_timeout", "query_wait_timeout"].into_iter().any(says) => {
            Some(Cause::RequestTimeout)
        }
        // The server's connection ended under it.
        () if says("server conn crashed?") || says("server closed the connection") => {
            Some(Cause::ServerError)
        }
        () => None,
    }
}

/// A standby's status update in a segment of its own (documentation, "Streaming Replication Protocol").
fn is_status(message: &Message<'_>) -> bool {
    message.byte(0) == b'd' && message.be32(1) == Some(38) && message.len == 39 && message.byte(5) == b'r'
}

/// The session has not begun: its startup, or a password, is what was said last, and nothing said that the server is ready.
fn is_logging_in(edges: &Edges<'_>) -> bool {
    let begins = matches!(edges.client.turn.byte(0), 0 | b'p');
    begins && (edges.server.is_turn_newest || ready(edges.server.before).is_none())
}

/// Appendix "PostgreSQL Error Codes".
fn word(code: &str, pooler: Option<Cause>, is_refusal: bool) -> Word {
    let (cause, is_answer) = match code {
        _ if pooler.is_some() => (pooler.unwrap_or(Cause::ServerError), false),
        "57P05" => (Cause::IdleTimeout, false),
        // idle_in_transaction_session_timeout, transaction_timeout
        "25P03" | "25P04" => (Cause::TransactionTimeout, false),
        "57P01" | "57P02" => (Cause::AdminShutdown, false),
        // cannot_connect_now: it starts up, or stops.
        "57P03" => (Cause::AdminShutdown, is_refusal),
        _ => (Cause::ServerError, is_refusal),
    };
    let code = if code.len() == 5 { format!("SQLSTATE {code}") } else { "FATAL".to_owned() };
    Word { cause, code, is_answer }
}
