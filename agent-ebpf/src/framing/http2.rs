//! HTTP/2 frames (RFC 9113 section 4.1) and the streams that they open and end.

use super::bound::{opaque, within};
use super::{Cursor, Payload};
use crate::exchange::{
    CUT_AT, DEEP, Exchange, GOAWAY_AT, GOAWAY_BYTES, GOAWAY_IN, GOAWAY_OUT, IN, OLD_STREAMS, OLD_STREAMS_AT,
    Stream, state,
};

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
            let kind = (word >> 24) as u8;
            self.frame(kind, (word >> 32) as u8, id);
            if kind == GOAWAY && len > 0 {
                return self.goaway_begins(len as u32);
            }
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
                RST_STREAM => self.give_up_stream(id),
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
                    if (*stream).head_len >= 8 && self.ends_with_the_goaway() {
                        return self.stream_is_cut();
                    }
                    (*exchange).answered = (*exchange).answered.wrapping_add(1);
                    (*exchange).response_ended = self.now;
                    (*stream).messages = id;
                }
            }
        }
    }

    /// A GOAWAY's payload of `len` bytes: as much as is kept of it comes into the window of heads, the rest passes.
    #[inline(always)]
    unsafe fn goaway_begins(&mut self, len: u32) {
        unsafe {
            let stream = self.stream;
            let kept = len.min(GOAWAY_BYTES as u32);
            (*stream).line = kept as u16;
            (*stream).complete = len.wrapping_sub(kept);
            (*stream).head_len = 0;
            (*stream).state = state::GOAWAY;
            *word(stream, CUT_AT + 8) = self.now;
        }
    }

    #[inline(always)]
    pub(super) unsafe fn read_goaway(&mut self) {
        unsafe {
            let stream = self.stream;
            let window = (&raw mut (*stream).head).cast::<u8>();
            let (held, kept) = (opaque(u64::from((*stream).held)), u64::from((*stream).line));
            let most = GOAWAY_BYTES as u64;
            let missing = if held < most && held < kept {
                within(u64::from(self.len).min(kept - held), most)
            } else {
                None
            };
            let to = window.add(GOAWAY_AT + held as usize);
            let Some(n) = missing.filter(|&n| self.payload.load(self.at, to, n as u32)) else {
                return self.lose();
            };
            self.advance(n as u32);
            (*stream).held = (held + n) as u16;
            if held + n < kept {
                return;
            }
            (*stream).held = 0;
            (*stream).head_len = kept as u16;
            (*stream).skip = u64::from((*stream).complete);
            if (*stream).skip == 0 {
                self.frame_ended();
            } else {
                (*stream).state = state::FRAME;
            }
        }
    }

    /// The stream that ends now was open when this end's GOAWAY said, in this moment, that the connection fails: it ends
    /// by that (gRPC's C core closes its streams so, with trailers that tell of the failure).
    #[inline(always)]
    unsafe fn ends_with_the_goaway(&self) -> bool {
        unsafe {
            let code = *word(self.stream, GOAWAY_AT + 4);
            let since = self.now.wrapping_sub(*word(self.stream, CUT_AT + 8));
            code != 0 && since <= 1
        }
    }

    /// By either side: no longer open, and not answered.
    #[inline(always)]
    unsafe fn give_up_stream(&self, id: u32) {
        unsafe {
            let (exchange, stream, other) = (self.exchange, self.stream, self.other);
            // Right behind its end, though all of the request had come: no end that was meant (gRPC's C core, whose
            // trailers tell of the failure).
            let is_behind_its_end = id == (*stream).messages
                && !self.asks()
                && (*other).length != u64::from(id)
                && self.now.wrapping_sub((*exchange).response_ended) <= 1;
            let was_open = close(exchange, id);
            if was_open {
                // Nobody waits for it from now on.
                (*exchange).response_ended = self.now;
            }
            if was_open || is_behind_its_end {
                self.stream_is_cut();
            }
        }
    }

    /// An open stream was given up in this direction: how many were, in this moment.
    #[inline(always)]
    unsafe fn stream_is_cut(&self) {
        unsafe {
            let (at, count) = (word(self.stream, CUT_AT), word(self.stream, CUT_AT + 4));
            *count = if self.now.wrapping_sub(*at) <= 1 { (*count).wrapping_add(1) } else { 1 };
            *at = self.now;
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
        for direction in 0..2 {
            let stream = &raw mut (*exchange).streams[direction];
            (*stream).head_len = 0;
            *word(stream, CUT_AT + 4) = 0;
        }
    }
}

/// Four bytes of the window of heads, which HTTP/2 does not use for heads.
#[inline(always)]
#[allow(
    clippy::cast_ptr_alignment,
    reason = "a stream's head lies at a multiple of eight bytes, as does `at` of four"
)]
unsafe fn word(stream: *mut Stream, at: usize) -> *mut u32 {
    unsafe { (&raw mut (*stream).head).cast::<u8>().add(at).cast::<u32>() }
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
