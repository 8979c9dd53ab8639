//! HTTP/2 frames (RFC 9113 section 4.1) and the streams that they open and end.

use super::{Cursor, Payload};
use crate::exchange::{DEEP, Exchange, GOAWAY_IN, GOAWAY_OUT, IN, OLD_STREAMS, OLD_STREAMS_AT, state};

const HEADER: u64 = 9;

// RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// [`crate::exchange::Stream::part`]: a header block goes on in the next frame.
const BLOCK: u8 = 1;
/// A frame of a header block is under way.
const IN_BLOCK: u8 = 2;

impl<P: Payload> Cursor<P> {
    #[inline(always)]
    pub(super) unsafe fn read_frame(&mut self) {
        unsafe {
            let stream = self.stream;
            let Some(word) = self.header::<HEADER>() else { return };
            let last = (*stream).head[8];
            let len = (word & 0xff) << 16 | (word >> 8 & 0xff) << 8 | (word >> 16 & 0xff);
            let id = (word.swap_bytes() as u32 & 0x7f_ffff) << 8 | u32::from(last);
            self.frame((word >> 24) as u8, (word >> 32) as u8, id);
            (*stream).skip = len;
            if len == 0 {
                self.frame_ended();
            }
        }
    }

    #[inline(always)]
    unsafe fn frame(&mut self, kind: u8, flags: u8, id: u32) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            if kind != CONTINUATION {
                (*stream).ends = 0;
            }
            (*stream).part = match kind {
                HEADERS | CONTINUATION if flags & END_HEADERS == 0 => IN_BLOCK | BLOCK,
                HEADERS | CONTINUATION => IN_BLOCK,
                _ => 0,
            };
            if matches!(kind, HEADERS | DATA) {
                // The stream whose message is under way in this direction.
                if flags & END_STREAM == 0 {
                    (*stream).length = u64::from(id);
                } else if (*stream).length == u64::from(id) {
                    (*stream).length = 0;
                }
            }
            match kind {
                HEADERS if self.asks() && id & 1 == 1 && id > (*stream).messages => {
                    (*stream).messages = id;
                    (*stream).started = self.now;
                    (*stream).start_seq =
                        (*stream).end_seq.wrapping_sub(self.len).wrapping_sub(HEADER as u32);
                    self.stream_opens(id);
                }
                HEADERS | DATA if !self.asks() && flags & END_STREAM != 0 => (*stream).ends = id,
                RST_STREAM => {
                    // Given up by either side: no longer open, and not answered.
                    close(exchange, id);
                }
                GOAWAY => {
                    let inward = self.asks() == ((*exchange).request_direction == IN);
                    (*exchange).flags |= if inward { GOAWAY_IN } else { GOAWAY_OUT };
                }
                _ => {}
            }
        }
    }

    /// A frame has passed in full.
    #[inline(always)]
    pub(super) unsafe fn frame_ended(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            (*stream).state = state::FRAME;
            let id = (*stream).ends;
            (*stream).part &= BLOCK;
            if id != 0 && (*stream).part == 0 {
                (*stream).ends = 0;
                if close(exchange, id) {
                    (*exchange).answered = (*exchange).answered.wrapping_add(1);
                    (*exchange).response_ended = self.now;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn stream_opens(&mut self, id: u32) {
        unsafe {
            let exchange = self.exchange;
            if (*exchange).open[0] | (*exchange).open[1] == 0 && !is_any_old(exchange) {
                (*exchange).oldest_started = self.now;
                if (*exchange).answered > 0 {
                    self.reused();
                }
            }
            self.one_more();
            let number = id >> 1;
            if number.wrapping_sub((*exchange).base) >= 128 {
                slide(exchange);
            }
            if number.wrapping_sub((*exchange).base) >= 128 {
                slide(exchange);
            }
            if number.wrapping_sub((*exchange).base) >= 128 {
                // Both words are empty now.
                (*exchange).base = number & !63;
            }
            let at = number.wrapping_sub((*exchange).base);
            if at < 64 {
                (*exchange).open[0] |= 1 << (at & 63);
            } else {
                (*exchange).open[1] |= 1 << (at & 63);
            }
        }
    }
}

/// Forgets what the window of heads held: HTTP/2 keeps something else there.
///
/// # Safety
/// `exchange` must be writable.
#[inline(always)]
pub(super) unsafe fn no_old_streams(exchange: *mut Exchange) {
    unsafe {
        for slot in 0..OLD_STREAMS {
            *old(exchange, slot) = 0;
        }
    }
}

/// A place for a stream that is open though many after it have begun.
#[inline(always)]
#[allow(clippy::cast_ptr_alignment, reason = "a stream's head lies at a multiple of eight bytes")]
unsafe fn old(exchange: *mut Exchange, slot: usize) -> *mut u32 {
    unsafe { (&raw mut (*exchange).streams[0].head).cast::<u8>().add(OLD_STREAMS_AT).cast::<u32>().add(slot) }
}

#[inline(always)]
unsafe fn is_any_old(exchange: *mut Exchange) -> bool {
    unsafe {
        let mut any = (*exchange).open_before;
        for slot in 0..OLD_STREAMS {
            any |= *old(exchange, slot);
        }
        any != 0
    }
}

/// The streams open among the lowest 64 are remembered one by one from now on; those for which there is no place
/// are counted, not told apart.
#[inline(always)]
unsafe fn slide(exchange: *mut Exchange) {
    unsafe {
        let mut left = (*exchange).open[0];
        for slot in 0..OLD_STREAMS {
            let place = old(exchange, slot);
            if left != 0 && *place == 0 {
                *place = ((*exchange).base.wrapping_add(left.trailing_zeros()) << 1) | 1;
                left &= left.wrapping_sub(1);
            }
        }
        (*exchange).open_before = (*exchange).open_before.wrapping_add(left.count_ones());
        (*exchange).open[0] = (*exchange).open[1];
        (*exchange).open[1] = 0;
        (*exchange).base = (*exchange).base.wrapping_add(64);
    }
}

/// False when the stream was not open.
#[inline(always)]
unsafe fn close(exchange: *mut Exchange, id: u32) -> bool {
    unsafe {
        let number = id >> 1;
        let at = number.wrapping_sub((*exchange).base);
        if id & 1 == 0 {
            return false;
        }
        let bit = 1u64 << (at & 63);
        if at < 64 {
            let open = (*exchange).open[0] & bit != 0;
            (*exchange).open[0] &= !bit;
            open
        } else if at < 128 {
            let open = (*exchange).open[1] & bit != 0;
            (*exchange).open[1] &= !bit;
            open
        } else if number < (*exchange).base {
            close_old(exchange, id)
        } else {
            false
        }
    }
}

#[inline(always)]
unsafe fn close_old(exchange: *mut Exchange, id: u32) -> bool {
    unsafe {
        // In memory, so that the verifier follows the ways through the loop once.
        let found = &raw mut (*exchange).streams[0].found;
        found.write_volatile(0);
        for slot in 0..OLD_STREAMS {
            let place = old(exchange, slot);
            if *place == id {
                *place = 0;
                found.write_volatile(1);
            }
        }
        if found.read_volatile() == 0 && (*exchange).open_before > 0 {
            // One of those that are not told apart, or one that had ended before.
            (*exchange).flags |= DEEP;
            (*exchange).open_before -= 1;
            found.write_volatile(1);
        }
        found.read_volatile() != 0
    }
}
