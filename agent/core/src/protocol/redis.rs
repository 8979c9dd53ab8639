//! Redis and what speaks its protocol (RESP2, RESP3, inline commands; redis.io, "Redis serialization protocol").

use super::{Edges, Message, Said, State, Word};
use crate::labels::Cause;

/// First bytes of a server's message, RESP3 included.
const TYPES: &[u8] = b"+-:$*_#,(!=%~>|";

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let (opening, answer) = (&edges.client.opening, &edges.server.opening);
    let is_answer = answer.is_empty() || TYPES.contains(&answer.byte(0));
    // An inline command is a line of text, and only the answer tells whose.
    let is_inline = opening.byte(0).is_ascii_alphabetic() && is_reply(answer);
    is_refusal(answer) || !edges.server_spoke_first && is_answer && (is_array(opening) || is_inline)
}

pub(super) fn is_spoken_later(edges: &Edges<'_>) -> bool {
    is_array(&edges.client.turn) && TYPES.contains(&edges.server.turn.byte(0))
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let client = &edges.client.newest;
    let is_quit = client.starts_with_word("QUIT") && client.len <= 6
        || client.starts_with_word("*1\r\n$4\r\nQUIT\r\n") && client.len == 14;
    let newest = &edges.server.newest;
    let is_refused = !edges.client_spoke_last && is_refusal(newest) || is_refusal(&edges.server.opening);
    let code = if is_refusal(newest) { newest.line() } else { edges.server.opening.line() };
    let word = is_refused.then_some(Word { cause: Cause::ServerError, code, is_answer: true });
    let is_queueing = !edges.client_spoke_last && is_queueing(edges);
    let is_behind = !edges.client_spoke_last && is_one_answer_to_several(edges);
    let is_silenced = edges.client_spoke_last && may_be_silenced(edges);
    let state = match () {
        () if is_refused => State::Idle,
        () if is_silenced => State::Unclear,
        () if is_behind => State::Asked,
        () if is_queueing => State::Transaction,
        () => State::Turns,
    };
    // Of commands that were sent at once, others may be open.
    Said {
        state,
        farewell: is_quit,
        word,
        is_guess: is_queueing || is_behind || is_silenced,
        ..Said::default()
    }
}

/// CLIENT REPLY OFF, or SKIP: nothing is answered any more. In front of other commands only its first word is kept.
fn may_be_silenced(edges: &Edges<'_>) -> bool {
    let client = &edges.client;
    let is_client = client.turn.starts_with_word("*3\r\n$6\r\nCLIENT\r\n");
    let is_reply =
        client.newest.first.get(16..25).is_some_and(|word| word.eq_ignore_ascii_case(b"$5\r\nREPLY"));
    is_client && (is_reply || !client.is_turn_newest)
}

/// Several commands were sent at once, and one answer is all that came: those that are answered at once have theirs, and the
/// next waits (BLPOP, XREAD with BLOCK, WAIT).
fn is_one_answer_to_several(edges: &Edges<'_>) -> bool {
    let (client, server) = (&edges.client, &edges.server);
    let is_several = if client.is_turn_newest {
        command_len(&client.newest).is_some_and(|len| len < client.newest.len)
    } else {
        // A second segment, with a command of its own.
        client.is_turn_before && is_array(&client.turn) && is_array(&client.newest)
    };
    server.is_turn_newest && is_several && is_one_line(&server.newest)
}

/// Bytes of the command that a segment begins with, where the lengths of its words are all kept.
fn command_len(segment: &Message<'_>) -> Option<u32> {
    let (words, mut at) = array(segment)?;
    for _ in 0..words {
        let (len, behind) = number(segment.first, at, b'$')?;
        at = behind.checked_add(len)?.checked_add(2)?;
    }
    u32::try_from(at).ok()
}

/// A number behind `mark` at `at`, and where its line ends.
fn number(kept: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let line = kept.get(at..)?.strip_prefix(&[mark])?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(line.get(..digits)?).ok()?;
    line.get(digits..)?.starts_with(b"\r\n").then_some((text.parse().ok()?, at + digits + 3))
}

/// An answer of one line, which is all of the segment: no error, behind which there may be none.
fn is_one_line(message: &Message<'_>) -> bool {
    let is_line =
        matches!(message.byte(0), b'+' | b':' | b'_' | b'#' | b',') || message.starts_with(b"$-1\r\n");
    let end = message.first.iter().position(|&byte| byte == b'\r').and_then(|at| u32::try_from(at).ok());
    is_line && end.is_some_and(|end| end + 2 == message.len)
}

/// MULTI, or a command behind it, was the last that was answered (redis.io, "Transactions"): EXEC is yet to come.
fn is_queueing(edges: &Edges<'_>) -> bool {
    let (asked, answer) = (&edges.client.newest, &edges.server.newest);
    let is_multi = asked.starts_with_word("*1\r\n$5\r\nMULTI\r\n") && asked.len == 15
        || asked.starts_with_word("MULTI\r\n") && asked.len == 7;
    let is_queued = answer.ends_with(b"QUEUED\r\n")
        && (answer.starts_with(b"+QUEUED\r\n") || answer.starts_with(b"+OK\r\n"));
    is_queued || is_multi && answer.starts_with(b"+OK\r\n") && answer.len == 5
}

/// Errors after which the server closes.
fn is_refusal(message: &Message<'_>) -> bool {
    ["-ERR max number", "-ERR Protocol er", "-DENIED Redis is"]
        .iter()
        .any(|words| message.starts_with_word(words))
}

fn is_array(message: &Message<'_>) -> bool {
    array(message).is_some()
}

/// A command as an array: its count of words, of at most seven digits, and where they begin.
fn array(message: &Message<'_>) -> Option<(usize, usize)> {
    let has_words = |behind: usize| behind <= 10 && message.first.get(behind) == Some(&b'$');
    number(message.first, 0, b'*').filter(|&(_, behind)| has_words(behind))
}

/// A simple string, an error or a number: a line.
fn is_reply(message: &Message<'_>) -> bool {
    // A number follows a colon; on IRC it is a name.
    let is_number = message.byte(0) == b':' && (message.byte(1).is_ascii_digit() || message.byte(1) == b'-');
    is_number || matches!(message.byte(0), b'+' | b'-' | b'$') && !message.starts_with(b"+OK ")
}
