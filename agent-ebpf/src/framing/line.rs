//! What one line of a head says about where the message ends.

use super::{
    bound::opaque,
    head::{find, word_at},
};
use crate::exchange::{HEAD_BYTES, Stream, notes};

/// Sets the bit that tells lower case from upper in each letter; digits, `-`, `:` and space have it already.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// [`Stream::status`] of a request whose first line is no HTTP/1 request line.
pub(super) const MALFORMED: u16 = u16::MAX;
/// [`Stream::status`] of an HTTP/2 preface.
pub(super) const PREFACE: u16 = u16::MAX - 1;

const fn text(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

/// The lowest `n` bytes.
const fn low(n: u32) -> u64 {
    (1 << (n * 8)) - 1
}

/// The first eight bytes of a line are those of a field that [`ended`] reads.
#[inline(always)]
pub(super) fn is_looked_for(word: u64) -> bool {
    let name = word | FOLD;
    name == text(*b"content-")
        || name == text(*b"connecti")
        || name == text(*b"transfer")
        || name & low(7) == text(*b"expect:\0")
}

/// Reads the line that ends with the LF at `at`; true when it is the empty line that ends the head.
#[inline(always)]
pub(super) unsafe fn ended(stream: *mut Stream, at: u64) -> bool {
    unsafe {
        let head = (&raw const (*stream).head).cast::<u8>();
        let line = opaque(u64::from((*stream).line));
        if line > HEAD_BYTES as u64 {
            return false;
        }
        let len = at.wrapping_sub(line);
        let word = word_at(head, line);
        if len == 0 || (len == 1 && word & 0xff == 0x0d) {
            return true;
        }
        let long = (*stream).notes & notes::LONG != 0;
        if (*stream).notes & notes::FIRST_LINE == 0 {
            (*stream).notes |= notes::FIRST_LINE;
            first_line(stream, head, line, at, long);
        } else {
            let (name, rest) = (word | FOLD, word_at(head, line + 8) | FOLD);
            if name == text(*b"content-") && rest & low(7) == text(*b"length:\0") & low(7) {
                content_length(stream, head, line + 15, long);
            } else if name == text(*b"content-") && rest & low(7) == text(*b"length \0") & low(7) {
                // A space before the colon: some take it for the field, others do not (RFC 9112 section 5.1).
                (*stream).notes |= notes::UNSURE;
            } else if name == text(*b"transfer")
                && rest == text(*b"-encodin")
                && (word_at(head, line + 16) | FOLD) & low(2) == text(*b"g:\0\0\0\0\0\0")
            {
                transfer_encoding(stream, head, at, long);
            } else if name == text(*b"connecti") && rest & low(3) == text(*b"on:\0\0\0\0\0") & low(3) {
                if long {
                    (*stream).notes |= notes::UNSURE;
                }
                // Most say just this.
                let only = word_at(head, line + 12) | FOLD;
                if only == text(*b"keep-ali") && (len == 22 || len == 23) {
                    (*stream).notes |= notes::KEEP_ALIVE;
                } else if only & low(5) == text(*b"close\0\0\0") && (len == 17 || len == 18) {
                    (*stream).notes |= notes::CLOSE;
                } else {
                    (*stream).options = (line + 11) as u16;
                }
            } else if name & low(7) == text(*b"expect:\0") & low(7) {
                (*stream).notes |= notes::EXPECT;
            }
        }
        (*stream).notes &= !notes::LONG;
        false
    }
}

#[inline(always)]
unsafe fn first_line(stream: *mut Stream, head: *const u8, line: u64, at: u64, long: bool) {
    unsafe {
        let word = word_at(head, line);
        if word & low(7) == text(*b"HTTP/1.\0") {
            if word >> 56 == u64::from(b'0') {
                (*stream).notes |= notes::OLD;
            }
            let code = word_at(head, line + 8);
            let digit = |n: u64| ((code >> (8 * n)) & 0xff).wrapping_sub(u64::from(b'0'));
            let (a, b, c) = (digit(1), digit(2), digit(3));
            if a > 9 || b > 9 || c > 9 {
                (*stream).status = MALFORMED;
                return;
            }
            (*stream).status = (a * 100 + b * 10 + c) as u16;
            return;
        }
        // A request line ends with the version; the end of a long one may be apart from its beginning.
        let mut version = if long { text(*b"HTTP/1.1") } else { 0 };
        if !long && at >= 10 {
            version = word_at(head, at - 8);
            if version >> 56 == 0x0d {
                version = word_at(head, at - 9);
            }
        }
        (*stream).status = if version & low(7) == text(*b"HTTP/1.\0") {
            if version >> 56 == u64::from(b'0') {
                (*stream).notes |= notes::OLD;
            }
            if word & low(5) == text(*b"HEAD \0\0\0") & low(5) {
                crate::exchange::kind::HEAD as u16
            } else if word == text(*b"CONNECT ") {
                crate::exchange::kind::CONNECT as u16
            } else {
                crate::exchange::kind::ANY as u16
            }
        } else if version == text(*b"HTTP/2.0") && word == text(*b"PRI * HT") {
            PREFACE
        } else {
            MALFORMED
        };
    }
}

/// RFC 9110 section 8.6: digits. Anything else is doubt.
#[inline(always)]
unsafe fn content_length(stream: *mut Stream, head: *const u8, from: u64, long: bool) {
    unsafe {
        let before = if (*stream).notes & notes::LENGTH == 0 { u64::MAX } else { (*stream).length };
        (*stream).notes |= notes::LENGTH;
        (*stream).length = 0;
        let mut at = from;
        for _ in 0..4 {
            if !matches!(word_at(head, at) as u8, b' ' | b'\t') {
                break;
            }
            at += 1;
        }
        (&raw mut (*stream).found).write_volatile(at as u16);
        let begin = u64::from((&raw const (*stream).found).read_volatile());
        let mut at = begin;
        for _ in 0..18 {
            let digit = (word_at(head, at) & 0xff).wrapping_sub(u64::from(b'0'));
            if digit > 9 {
                break;
            }
            let value = (&raw const (*stream).length).read_volatile();
            (&raw mut (*stream).length).write_volatile(value.wrapping_mul(10).wrapping_add(digit));
            at += 1;
        }
        (&raw mut (*stream).found).write_volatile(at as u16);
        let end = u64::from((&raw const (*stream).found).read_volatile());
        let behind = word_at(head, end) as u8;
        let again = (&raw const (*stream).length).read_volatile();
        if before != u64::MAX && before != again {
            (*stream).notes |= notes::UNSURE;
        }
        if long || end == begin || !matches!(behind, b'\r' | b'\n' | b' ' | b'\t') {
            (*stream).notes |= notes::UNSURE;
        }
    }
}

/// Chunked is a body's framing only as the last coding (RFC 9112 section 6.1).
#[inline(always)]
unsafe fn transfer_encoding(stream: *mut Stream, head: *const u8, at: u64, long: bool) {
    unsafe {
        let mut tail = 0;
        // Behind the value there may be spaces, and there is mostly a CR.
        for back in 8..12 {
            tail = word_at(head, at.wrapping_sub(back));
            if !matches!((tail >> 56) as u8, b'\r' | b' ' | b'\t') {
                break;
            }
        }
        (*stream).notes |= if long {
            notes::UNSURE | notes::CHUNKED
        } else if ((tail >> 8) | FOLD) & low(7) == text(*b"chunked\0") {
            notes::CHUNKED
        } else {
            notes::CODED
        };
    }
}

/// One of the options of a Connection field (RFC 9110 section 7.6.1), in the line that ended before
/// [`Stream::line`]: the one at [`Stream::options`].
#[inline(always)]
pub(super) unsafe fn next_option(stream: *mut Stream) {
    unsafe {
        let at = u64::from((*stream).options);
        let head = (&raw const (*stream).head).cast::<u8>();
        if matches!(word_at(head, at) as u8, b' ' | b'\t' | b',') {
            (*stream).options = (at + 1) as u16;
            return;
        }
        let word = word_at(head, at) | FOLD;
        if word == text(*b"keep-ali") {
            (*stream).notes |= notes::KEEP_ALIVE;
        } else if word & low(5) == text(*b"close\0\0\0") {
            (*stream).notes |= notes::CLOSE;
        }
        (*stream).found = 0;
        find(stream, at, &raw const (*stream).line, b',');
        (*stream).options = (&raw const (*stream).found).read_volatile();
    }
}
