//! Which connections are followed: those that begin like HTTP or TLS.

use super::FirstBytes;
use crate::exchange::{Exchange, HTTP, HTTP2, IN, NONE, OUT, STARTED_LATE, TLS};

/// What the first bytes of a message look like.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Request,
    Response,
    Tls,
    /// An HTTP/2 client (RFC 9113 section 3.4).
    Preface,
    /// An HTTP/2 server that speaks first.
    Settings,
}

impl Start {
    /// How many there are.
    pub const COUNT: usize = Self::Settings as usize + 1;
}

/// Tells whether a connection whose first segment of `len` bytes begins with `first` (zero-padded) is worth
/// following.
#[inline(always)]
#[must_use]
pub fn recognise(first: FirstBytes, len: u32) -> Option<Start> {
    let (low, high) = words(first);
    if low == u64::from_le_bytes(*b"PRI * HT") {
        return Some(Start::Preface);
    }
    if is_request_line(low, high) {
        return Some(Start::Request);
    }
    let (first, len) = without_empty_lines(low.to_le_bytes(), len);
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

#[inline(always)]
fn words(first: FirstBytes) -> (u64, u64) {
    let word = |bytes: Option<&[u8; 8]>| u64::from_le_bytes(bytes.copied().unwrap_or_default());
    (word(first.first_chunk()), word(first.last_chunk()))
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// A method, whatever its name (RFC 9110 section 9.1: a token), a space, and a path, `*` or `http`. A token of up to 14
/// bytes; a word of another protocol before a path is told at the end of its line.
#[inline(always)]
fn is_request_line(low: u64, high: u64) -> bool {
    let (in_low, in_high) = (spaces(low), spaces(high));
    // No method begins with anything but a letter.
    if low & 0xc0 != 0x40 || in_low | in_high == 0 {
        return false;
    }
    let at = if in_low != 0 { in_low.trailing_zeros() / 8 } else { 8 + in_high.trailing_zeros() / 8 };
    // Before the space neither controls nor bytes of more than seven bits.
    let shift = (at & 7) * 8;
    let before = (1u64 << shift).wrapping_sub(1);
    let (token_low, token_high) = if at < 8 { (low & before, 0) } else { (low, high & before) };
    let (want_low, want_high) = if at < 8 { (TOPS & before, 0) } else { (TOPS, TOPS & before) };
    // With 5f added every byte from 21 on has its top bit set, without it none has.
    let is_token = |word: u64, want: u64| word & TOPS == 0 && (word.wrapping_add(0x5f * ONES) & want) == want;
    if !is_token(token_low, want_low) || !is_token(token_high, want_high) {
        return false;
    }
    let target = match at {
        0..=6 => low >> (shift + 8),
        7 => high,
        8..=14 => high >> (shift + 8),
        _ => 0,
    };
    matches!(target as u8, b'/' | b'*') || target & 0xffff == u64::from(u16::from_le_bytes(*b"ht"))
}

/// The top bit of the lowest byte that is a space, and perhaps of others above it.
#[inline(always)]
fn spaces(word: u64) -> u64 {
    let zero = word ^ (0x20 * ONES);
    zero.wrapping_sub(ONES) & !zero & TOPS
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
pub(super) fn may_answer(protocol: u8, first: FirstBytes) -> bool {
    let word = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    match &word.to_be_bytes() {
        b"H\0\0\0" => protocol == HTTP,
        // The first bytes of a SETTINGS frame.
        [0, 0, _, 0 | 4] => protocol == HTTP2,
        _ => false,
    }
}

/// Initialises zeroed storage for a connection whose first message is `start`, in `direction`. To do it twice is to do it
/// once.
///
/// # Safety
/// `exchange` must be writable.
#[inline(always)]
pub unsafe fn begin(exchange: *mut Exchange, start: Start, direction: u8) {
    unsafe {
        (*exchange).last_direction = NONE;
        let answers = matches!(start, Start::Response | Start::Settings);
        (*exchange).request_direction = if answers { IN + OUT - direction } else { direction };
        if start == Start::Response {
            (*exchange).flags |= STARTED_LATE;
            (*exchange).begun = 1;
        }
        // The last: whoever sees it sees the rest.
        (&raw mut (*exchange).protocol).write_volatile(match start {
            Start::Tls => TLS,
            Start::Settings | Start::Preface => HTTP2,
            Start::Request | Start::Response => HTTP,
        });
    }
}
