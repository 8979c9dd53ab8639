//! Chunked bodies (RFC 9112 section 7.1): chunk-size lines and trailers.

use super::{Cursor, Payload, bound::within};
use crate::exchange::state;

/// Bytes looked at in one step; a chunk-size line is rarely longer.
const PIECE: usize = 16;

/// [`crate::exchange::Stream::part`] of a chunk-size line: in the digits, or behind them.
const DIGITS: u8 = 0;
const EXTENSION: u8 = 1;
/// Of a trailer section: at the beginning of a line, or in it.
const LINE_START: u8 = 0;
const IN_LINE: u8 = 1;

/// No chunk is as long; more digits than that are hostile.
const MOST: u64 = 1 << 59;

impl<P: Payload> Cursor<P> {
    #[inline(always)]
    pub(super) unsafe fn read_chunk_line(&mut self) {
        unsafe {
            let mut bytes = [0u8; PIECE];
            let Some(n) = within(u64::from(self.len).min(PIECE as u64), PIECE as u64) else {
                return self.lose();
            };
            if !self.payload.load(self.at, bytes.as_mut_ptr(), n as u32) {
                return self.lose();
            }
            let mut used = 0;
            for byte in bytes {
                if u64::from(used) >= n {
                    break;
                }
                used += 1;
                let goes_on = if (*self.stream).state == state::CHUNK {
                    self.size_byte(byte)
                } else {
                    self.trailer_byte(byte)
                };
                if !goes_on {
                    break;
                }
            }
            if self.len != 0 {
                self.advance(used);
            }
        }
    }

    /// One byte of a chunk-size line; false when the line ends with it.
    #[inline(always)]
    unsafe fn size_byte(&mut self, byte: u8) -> bool {
        unsafe {
            let stream = self.stream;
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                b'\n' => {
                    let size = (*stream).length;
                    (*stream).length = 0;
                    (*stream).part = LINE_START;
                    if size == 0 {
                        (*stream).state = state::TRAILER;
                    } else {
                        (*stream).state = state::CHUNK_DATA;
                        // With the CRLF behind the data.
                        (*stream).skip = size + 2;
                    }
                    return false;
                }
                _ => 16,
            };
            if (*stream).part != DIGITS {
                return true;
            }
            if digit > 15 {
                (*stream).part = EXTENSION;
                return true;
            }
            let size = (*stream).length;
            if size >= MOST {
                self.lose();
                return false;
            }
            (*stream).length = size << 4 | u64::from(digit);
            true
        }
    }

    /// One byte of the trailer section; false when the message ends with it.
    #[inline(always)]
    unsafe fn trailer_byte(&mut self, byte: u8) -> bool {
        unsafe {
            let stream = self.stream;
            match byte {
                b'\n' if (*stream).part == LINE_START => {
                    self.message_ended();
                    return false;
                }
                b'\n' => (*stream).part = LINE_START,
                b'\r' => {}
                _ => (*stream).part = IN_LINE,
            }
            true
        }
    }
}
