//! MySQL and MariaDB (MySQL Internals, "Client/Server Protocol"; MariaDB Knowledge Base, "Client/Server Protocol").
//!
//! A packet is a length of three bytes, a sequence number that begins at 0 with each command, and the payload.

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

const HEADER: u32 = 4;
const ERR: u8 = 0xff;
/// The server asks for a file of the client's (LOAD DATA LOCAL): the command waits for it.
const LOCAL_INFILE: u8 = 0xfb;
/// SERVER_STATUS_IN_TRANS, SERVER_MORE_RESULTS_EXISTS.
const IN_TRANSACTION: u16 = 1;
const MORE_RESULTS: u16 = 8;

const COM_QUIT: u8 = 0x01;
/// Commands that are not answered: long data for a statement, closing one.
const UNANSWERED: [u8; 2] = [0x18, 0x19];
const COM_BINLOG_DUMP: u8 = 0x12;

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let greeting = &edges.server.opening;
    let is_greeting = greeting.byte(4) == 10 && greeting.byte(5).is_ascii_digit();
    // Too many connections, or a host that is not allowed.
    let is_refusal = greeting.byte(4) == ERR && greeting.le16(5).is_some_and(|code| code >= 1000);
    edges.server_spoke_first && is_packet(greeting) && greeting.byte(3) <= 1 && (is_greeting || is_refusal)
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    let (command, answer) = (&edges.client.turn, &edges.server.turn);
    let is_command = is_packet(command) && command.byte(3) == 0 && command.byte(4) <= 0x20;
    let is_answer = answer.byte(3) == 1 && packet(answer).is_some_and(|len| len > 0 && len < 1 << 20);
    is_command && command.len > HEADER && is_answer
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    if edges.client_spoke_last {
        return asked(edges);
    }
    let said = answered(edges);
    let client = &edges.client;
    // Of several commands that were sent at once, others may be open.
    let is_single = client.turn.is_empty() || client.is_turn_newest && is_packet(&client.turn);
    Said { is_guess: said.is_guess || !is_single, ..said }
}

fn asked(edges: &Edges<'_>) -> Said {
    let client = &edges.client;
    let newest = &client.newest;
    let is_quit = newest.ends_with(&[1, 0, 0, 0, COM_QUIT]);
    // Behind commands that are not answered, too.
    let is_alone = newest.len == 5 || UNANSWERED.contains(&newest.byte(4));
    let is_unanswered = newest.byte(3) == 0 && UNANSWERED.contains(&newest.byte(4));
    let state = match () {
        () if (is_quit && is_alone || is_unanswered) && client.is_turn_newest => {
            end(edges.server.newest.tail).unwrap_or(State::Idle)
        }
        // Behind others that are not answered, either.
        () if is_quit && is_alone && UNANSWERED.contains(&client.turn.byte(4)) => State::Idle,
        () if is_quit || is_unanswered => State::Turns,
        () => State::Asked,
    };
    Said { state, farewell: is_quit, ..Said::default() }
}

fn answered(edges: &Edges<'_>) -> Said {
    let server = &edges.server;
    let newest = &server.newest;
    if is_packet(newest) && newest.byte(4) == ERR {
        let word = newest.le16(5).and_then(word);
        let state = match &word {
            Some(word) if word.is_answer => State::Idle,
            // It answers no command: those begin at 1.
            Some(_) if newest.byte(3) == 0 || !server.is_turn_newest => {
                end(server.before).filter(|_| !server.is_turn_newest).unwrap_or(State::Idle)
            }
            Some(word) if !word.is_answer => State::Asked,
            _ => State::Turns,
        };
        return Said { state, word, ..Said::default() };
    }
    if edges.client.turn.byte(4) == COM_BINLOG_DUMP {
        return Said { state: State::Idle, ..Said::default() };
    }
    let ended = ok(newest).or_else(|| end(newest.tail));
    let is_file_asked = is_packet(newest) && newest.byte(3) == 1 && newest.byte(4) == LOCAL_INFILE;
    let is_result = ended.is_none() && is_result(edges);
    let state = match ended {
        Some(state) => state,
        None if is_result || is_file_asked => State::Answering,
        None => State::Turns,
    };
    // Its end may have words behind it (session tracking).
    Said { state, is_guess: is_result, ..Said::default() }
}

/// The server's newest turn began with a count of columns, in answer to a query, a statement that is executed, or a cursor.
fn is_result(edges: &Edges<'_>) -> bool {
    let (client, server) = (&edges.client, &edges.server);
    let asks = client.is_turn_newest && is_packet(&client.turn) && matches!(client.turn.byte(4), 0x03 | 0x17);
    let count = packet(&server.turn).is_some_and(|len| (1..=9).contains(&len)) && server.turn.byte(3) == 1;
    asks && count && !matches!(server.turn.byte(4), 0 | LOCAL_INFILE..)
}

/// A packet that is all of the segment.
fn is_packet(message: &Message<'_>) -> bool {
    packet(message).is_some_and(|len| len + HEADER == message.len)
}

fn packet(message: &Message<'_>) -> Option<u32> {
    message.le32(0).map(|word| word & 0xff_ffff)
}

/// An OK packet alone: affected rows and the last id, of one byte each in most, then the status.
fn ok(message: &Message<'_>) -> Option<State> {
    let is_ok = is_packet(message) && message.byte(3) == 1 && message.byte(4) == 0;
    let is_short = message.byte(5) < 0xfb && message.byte(6) < 0xfb;
    message.le16(7).filter(|_| is_ok && is_short && message.len >= 11).map(state)
}

/// The end of a result: an EOF packet, or the OK packet that newer clients get instead.
fn end(tail: [u8; 8]) -> Option<State> {
    match tail {
        [0, 0, _, 0xfe, _, _, low, high] | [_, 0xfe, 0, 0, low, high, _, _] => {
            Some(state(u16::from_le_bytes([low, high])))
        }
        _ => None,
    }
}

fn state(status: u16) -> State {
    match status {
        status if status & MORE_RESULTS != 0 => State::Answering,
        status if status & IN_TRANSACTION != 0 => State::Transaction,
        _ => State::Idle,
    }
}

/// MySQL 8.0 Error Message Reference; MariaDB Error Code Reference. Others are answers like any.
fn word(code: u16) -> Option<Word> {
    let (cause, is_answer) = match code {
        // ER_CLIENT_INTERACTION_TIMEOUT: wait_timeout, interactive_timeout
        4031 => (Cause::IdleTimeout, false),
        // ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED (MariaDB), ER_SESSION_WAS_KILLED
        1053 | 1927 | 3169 => (Cause::AdminShutdown, false),
        // Too many connections, of a user, and other reasons not to let a client in.
        1040 | 1045 | 1129 | 1130 | 1203 | 1226 | 1043 | 1251 | 1698 => (Cause::ServerError, true),
        _ => return None,
    };
    Some(Word { cause, code: format!("error {code}"), is_answer })
}
