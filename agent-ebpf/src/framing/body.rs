//! Chunked bodies (RFC 9112 section 7.1): chunk-size lines and trailers.

use super::{Cursor, Payload};
use crate::exchange::{DOUBT, state};

/// [`crate::exchange::Stream::part`] of a chunk-size line: before its digits, behind them, or in them.
const NO_DIGIT: u8 = 0;
const EXTENSION: u8 = 1;
const DIGITS: u8 = 2;
/// Of a trailer section: at the beginning of a line, or in it.
const LINE_START: u8 = 0;
const IN_LINE: u8 = 1;

/// No chunk is as long; more digits than that are hostile.
const MOST: u64 = 1 << 59;

impl<P: Payload> Cursor<P> {
    /// One byte a step: these lines are short, and a loop here is followed by the verifier in too many ways.
    #[inline(always)]
    pub(super) unsafe fn read_chunk_line(&mut self) {
        unsafe {
            let mut byte = 0u8;
            if !self.payload.load(self.at, &raw mut byte, 1) {
                return self.lose();
            }
            self.advance(1);
            if (*self.stream).state == state::CHUNK { self.size_byte(byte) } else { self.trailer_byte(byte) }
        }
    }

    #[inline(always)]
    unsafe fn size_byte(&mut self, byte: u8) {
        unsafe {
            let stream = self.stream;
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                b'\n' => {
                    let size = (*stream).length;
                    if (*stream).part == NO_DIGIT {
                        (*self.exchange).flags |= DOUBT;
                    }
                    (*stream).length = 0;
                    (*stream).part = LINE_START;
                    if size == 0 {
                        (*stream).state = state::TRAILER;
                    } else {
                        (*stream).state = state::CHUNK_DATA;
                        // With the CRLF behind the data.
                        (*stream).skip = size + 2;
                    }
                    return;
                }
                _ => 16,
            };
            if (*stream).part == EXTENSION {
                return;
            }
            if digit > 15 {
                // A size is digits, and what follows them an extension or the line's end.
                if (*stream).part == NO_DIGIT || !matches!(byte, b'\r' | b';' | b' ' | b'\t') {
                    (*self.exchange).flags |= DOUBT;
                }
                (*stream).part = EXTENSION;
                return;
            }
            (*stream).part = DIGITS;
            let size = (*stream).length;
            if size >= MOST {
                return self.lose();
            }
            (*stream).length = size << 4 | u64::from(digit);
        }
    }

    #[inline(always)]
    unsafe fn trailer_byte(&mut self, byte: u8) {
        unsafe {
            let stream = self.stream;
            match byte {
                b'\n' if (*stream).part == LINE_START => self.message_ended(),
                b'\n' => (*stream).part = LINE_START,
                b'\r' => {}
                _ => (*stream).part = IN_LINE,
            }
        }
    }
}
