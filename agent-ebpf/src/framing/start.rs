//! Which connections are followed: those that begin like HTTP or TLS.

use crate::exchange::{Exchange, HTTP, HTTP2, IN, NONE, OUT, STARTED_LATE, TLS};

/// What the first bytes of a message look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Request,
    Response,
    Tls,
    /// An HTTP/2 server that speaks first.
    Settings,
}

/// Tells whether a connection whose first segment of `len` bytes begins with `first` (zero-padded) is worth
/// following.
#[inline(always)]
#[must_use]
pub fn recognise(first: [u8; 8], len: u32) -> Option<Start> {
    let (first, len) = without_empty_lines(first, len);
    if len == 0 {
        // Empty lines alone: the request is still to come.
        return Some(Start::Request);
    }
    let word = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    match &word.to_be_bytes() {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PRI "
        | b"PROP" | b"MKCO" | b"COPY" | b"MOVE" | b"LOCK" | b"UNLO" | b"SEAR" | b"REPO" | b"PURG"
        | b"QUER" => Some(Start::Request),
        b"HTTP" => Some(Start::Response),
        [0x16, 0x03, 0x00..=0x04, _] => Some(Start::Tls),
        // A SETTINGS frame of at most 255 bytes on stream 0.
        [0, 0, _, 4] if first[4] == 0 && len >= 9 => Some(Start::Settings),
        // The first bytes of a method, alone.
        [b'G' | b'P' | b'H' | b'D' | b'O' | b'C' | b'T', 0, 0, 0] if len == 1 => Some(Start::Request),
        b"GE\0\0" | b"PO\0\0" | b"PU\0\0" | b"PA\0\0" | b"PR\0\0" | b"HE\0\0" | b"DE\0\0" | b"OP\0\0"
        | b"CO\0\0" | b"TR\0\0"
            if len == 2 =>
        {
            Some(Start::Request)
        }
        b"GET\0" | b"POS\0" | b"PUT\0" | b"HEA\0" | b"DEL\0" | b"OPT\0" | b"PAT\0" | b"CON\0" | b"TRA\0"
        | b"PRI\0"
            if len == 3 =>
        {
            Some(Start::Request)
        }
        b"HT\0\0" if len == 2 => Some(Start::Response),
        b"HTT\0" if len == 3 => Some(Start::Response),
        _ => None,
    }
}

/// A client may send up to two empty lines before its request (RFC 9112 section 2.2: it should not, and the
/// server should bear it).
#[inline(always)]
fn without_empty_lines(first: [u8; 8], len: u32) -> ([u8; 8], u32) {
    let (mut word, mut len) = (u64::from_be_bytes(first), len);
    for _ in 0..4 {
        if matches!((word >> 56) as u8, b'\r' | b'\n') {
            word <<= 8;
            len = len.wrapping_sub(1);
        }
    }
    (word.to_be_bytes(), len)
}

/// Whether the bytes that come first in the direction of responses, fewer than tell for certain, may be a response's.
#[inline(always)]
pub(super) fn may_answer(protocol: u8, first: [u8; 8]) -> bool {
    let word = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    match &word.to_be_bytes() {
        b"H\0\0\0" => protocol == HTTP,
        // The first bytes of a SETTINGS frame.
        [0, 0, _, 0 | 4] => protocol == HTTP2,
        _ => false,
    }
}

/// Initialises zeroed storage for a connection whose first message is `start`, in `direction`.
///
/// # Safety
/// `exchange` must be writable.
#[inline(always)]
pub unsafe fn begin(exchange: *mut Exchange, start: Start, direction: u8) {
    unsafe {
        (*exchange).last_direction = NONE;
        (*exchange).protocol = match start {
            Start::Tls => TLS,
            Start::Settings => HTTP2,
            Start::Request | Start::Response => HTTP,
        };
        let answers = matches!(start, Start::Response | Start::Settings);
        (*exchange).request_direction = if answers { IN + OUT - direction } else { direction };
        if start == Start::Response {
            (*exchange).flags |= STARTED_LATE;
            (*exchange).begun = 1;
        }
    }
}
