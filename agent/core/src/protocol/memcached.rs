//! Memcached, text and binary (memcached's doc/protocol.txt; its wiki, "BinaryProtocolRevamped").

use super::{Edges, Message, Said, State};

const COMMANDS: [&[u8]; 24] = [
    b"get ",
    b"gets ",
    b"gat ",
    b"gats ",
    b"set ",
    b"add ",
    b"replace ",
    b"append ",
    b"prepend ",
    b"cas ",
    b"delete ",
    b"incr ",
    b"decr ",
    b"touch ",
    b"version\r\n",
    b"stats",
    b"flush_all",
    b"watch ",
    b"mg ",
    b"ms ",
    b"md ",
    b"ma ",
    b"me ",
    b"mn\r\n",
];
const ANSWERS: [&[u8]; 19] = [
    b"VALUE ",
    b"END\r\n",
    b"STORED\r\n",
    b"NOT_",
    b"EXISTS",
    b"DELETED",
    b"TOUCHED",
    b"VERSION ",
    b"STAT ",
    b"ERROR\r\n",
    b"CLIENT_ERROR",
    b"SERVER_ERROR",
    b"OK\r\n",
    b"HD",
    b"VA ",
    b"EN\r\n",
    b"NF",
    b"NS",
    b"MN\r\n",
];
/// Magic bytes of a request and of a response.
const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
/// Quit and quietly so.
const QUIT: [u8; 2] = [0x07, 0x17];
/// Those that end with Q.
const QUIET: [u8; 11] = [0x09, 0x0d, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x19, 0x1a, 0x1e];

pub(super) fn is_spoken(edges: &Edges<'_>) -> bool {
    let (opening, answer) = (&edges.client.opening, &edges.server.opening);
    let begins = |with: &[&[u8]]| with.iter().any(|word| opening.starts_with(word));
    let is_number =
        !answer.is_empty() && answer.first.iter().all(|byte| byte.is_ascii_digit() || b"\r\n".contains(byte));
    let is_text = begins(&COMMANDS)
        && (answer.is_empty() || is_number || ANSWERS.iter().any(|word| answer.starts_with(word)));
    // Opcode, no data type, and a length that the segment has.
    let is_binary = opening.byte(0) == REQUEST
        && opening.byte(1) <= 0x48
        && opening.byte(5) == 0
        && opening.be32(8).is_some_and(|body| u64::from(body) + 24 == u64::from(opening.len))
        && (answer.is_empty() || answer.byte(0) == RESPONSE);
    !edges.server_spoke_first && (is_text || is_binary)
}

pub(super) fn read(edges: &Edges<'_>) -> Said {
    let newest = &edges.client.newest;
    let is_text = newest.starts_with(b"quit") && newest.len <= 6;
    let is_binary = newest.byte(0) == REQUEST && QUIT.contains(&newest.byte(1)) && newest.len == 24;
    let is_unanswered = edges.client_spoke_last && !(is_text || is_binary) && is_quiet(newest);
    let is_unclear = edges.client_spoke_last && is_cut(newest);
    let state = match () {
        () if is_unanswered => State::Idle,
        () if is_unclear => State::Unclear,
        () => State::Turns,
    };
    // A refusal would be said all the same.
    Said { state, farewell: is_text || is_binary, is_guess: is_unanswered || is_unclear, ..Said::default() }
}

/// A whole command that stores, behind whose long key the rest of its line is not kept: `noreply` may stand there.
fn is_cut(message: &Message<'_>) -> bool {
    const STORE: [&[u8]; 7] = [b"set ", b"add ", b"replace ", b"append ", b"prepend ", b"cas ", b"ms "];
    STORE.iter().any(|word| message.starts_with(word))
        && !message.first.contains(&b'\r')
        && message.ends_with(b"\r\n")
}

/// A command that is not answered if all goes well: `noreply`, the meta commands' flag q, and the quiet ones of the binary
/// protocol. Behind a long key it is not kept.
fn is_quiet(message: &Message<'_>) -> bool {
    if message.byte(0) == REQUEST {
        return QUIET.contains(&message.byte(1));
    }
    let end = message.first.iter().position(|&byte| byte == b'\r').unwrap_or(message.first.len());
    let line = message.first.get(..end).unwrap_or_default();
    let is_meta = line.first() == Some(&b'm') && line.get(2) == Some(&b' ');
    let is_stored_whole = message.ends_with(b"\r\n");
    is_stored_whole
        && (line.ends_with(b" noreply")
            || (is_meta && line.split(|&byte| byte == b' ').any(|word| word == b"q")))
        || message.ends_with(b"oreply\r\n")
}
