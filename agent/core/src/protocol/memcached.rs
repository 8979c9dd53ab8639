//! Memcached, text and binary (memcached's doc/protocol.txt; its wiki, "BinaryProtocolRevamped").

use super::{Edges, Said, State};

const COMMANDS: [&[u8]; 18] = [
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
    b"mg ",
    b"ms ",
];
const ANSWERS: [&[u8]; 14] = [
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
    b"HD",
    b"EN\r\n",
];
/// Magic bytes of a request and of a response.
const REQUEST: u8 = 0x80;
const RESPONSE: u8 = 0x81;
/// Quit and quietly so.
const QUIT: [u8; 2] = [0x07, 0x17];

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
    Said { state: State::Turns, farewell: is_text || is_binary, ..Said::default() }
}
