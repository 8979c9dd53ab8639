//! WebSocket frames (RFC 6455 section 5.2), behind any 101: what is none ends the reading.

use super::{
    Cursor, Payload,
    bound::{load_word, opaque, within},
};
use crate::{
    exchange::{Stream, notes, state},
    websocket::{CLOSE_BYTES, FRAMES_AT, Frames, note},
};

const FIN: u8 = 0x80;
/// Two of the three bits that no extension in use sets.
const RESERVED: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const MASK_BYTES: u64 = 4;

const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// [`Stream::part`]: which bytes of a frame come next.
mod due {
    pub(super) const HEADER: u8 = 0;
    pub(super) const LENGTH: u8 = 1;
    pub(super) const CLOSE: u8 = 2;
}

/// Both directions carry frames from now on, if it is a WebSocket.
///
/// # Safety
/// `stream` must be writable.
#[inline(always)]
#[allow(clippy::cast_ptr_alignment, reason = "as of `frames`")]
pub(super) unsafe fn begin(stream: *mut Stream) {
    unsafe {
        if matches!((*stream).state, state::NEW | state::LOST) {
            // Where its next byte stands is not known.
            (*stream).state = state::TUNNEL;
            (*stream).skip = u64::MAX;
            return;
        }
        let words = frames(stream).cast::<u64>();
        let mut word = 0;
        while word < size_of::<Frames>() / 8 {
            // Volatile, or the compiler makes a call to a byte-wise memset of it.
            words.add(word).write_volatile(0);
            word += 1;
        }
        if u64::from((*stream).head_len) > FRAMES_AT as u64 {
            (*stream).head_len = FRAMES_AT as u16;
        }
        (*stream).notes |= notes::FRAMES;
        (*stream).state = state::WEBSOCKET;
        (*stream).skip = 0;
        (*stream).held = 0;
        expect(stream, due::HEADER, 2);
    }
}

#[inline(always)]
unsafe fn expect(stream: *mut Stream, part: u8, len: u64) {
    unsafe {
        (*stream).part = part;
        (*stream).line = len as u16;
    }
}

#[inline(always)]
#[allow(
    clippy::cast_ptr_alignment,
    reason = "a stream's head lies at a multiple of eight bytes, as do its frames"
)]
unsafe fn frames(stream: *mut Stream) -> *mut Frames {
    unsafe { (&raw mut (*stream).head).cast::<u8>().add(FRAMES_AT).cast::<Frames>() }
}

impl<P: Payload> Cursor<P> {
    #[inline(always)]
    pub(super) unsafe fn read_websocket(&mut self) {
        const MOST: u64 = CLOSE_BYTES as u64;
        unsafe {
            let stream = self.stream;
            let kept = (&raw mut (*frames(stream)).kept).cast::<u8>();
            let (held, need) = (opaque(u64::from((*stream).held)), u64::from((*stream).line));
            let missing = if held < MOST && held < need {
                within(u64::from(self.len).min(need - held), MOST)
            } else {
                None
            };
            let Some(n) = missing.filter(|&n| self.payload.load(self.at, kept.add(held as usize), n as u32))
            else {
                return self.lose();
            };
            self.advance(n as u32);
            (*stream).held = (held + n) as u16;
            if held + n < need {
                return;
            }
            (*stream).held = 0;
            let word = load_word(kept);
            match (*stream).part {
                due::HEADER => self.frame_header(word as u8, (word >> 8) as u8),
                due::LENGTH => {
                    let big = word.swap_bytes();
                    self.frame_of(if need == 2 { big >> 48 } else { big });
                }
                _ => {
                    (*frames(stream)).close_len = need as u8;
                    self.closed();
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn frame_header(&mut self, first: u8, second: u8) {
        unsafe {
            let stream = self.stream;
            let frames = frames(stream);
            let (opcode, len) = (first & OPCODE, second & LENGTH);
            let is_masked = second & MASKED != 0;
            let is_control = opcode >= CLOSE;
            let is_known = opcode <= BINARY || (is_control && opcode <= PONG);
            let is_broken = is_control && (first & FIN == 0 || len > 125);
            if is_masked != self.asks() || first & RESERVED != 0 || !is_known || is_broken {
                (*frames).notes |= note::STRANGE;
                (*stream).state = state::TUNNEL;
                (*stream).skip = u64::MAX;
                return;
            }
            if opcode != CLOSE {
                self.note_silence();
            }
            (*frames).frames = (*frames).frames.wrapping_add(1);
            (*frames).first = first;
            (*frames).second = second;
            match opcode {
                PING => {
                    (*frames).pings = (*frames).pings.wrapping_add(1);
                    (*frames).ping_at = self.now;
                }
                PONG => {
                    (*frames).pongs = (*frames).pongs.wrapping_add(1);
                    (*frames).pong_at = self.now;
                }
                CLOSE => return self.close_begins(u64::from(len), is_masked),
                _ => {
                    (*frames).data_at = self.now;
                    let rest = (*frames).notes & !note::MESSAGE;
                    (*frames).notes = if first & FIN == 0 { rest | note::MESSAGE } else { rest };
                }
            }
            match len {
                126 => expect(stream, due::LENGTH, 2),
                127 => expect(stream, due::LENGTH, 8),
                _ => self.frame_of(u64::from(len)),
            }
        }
    }

    /// For how long nothing had passed either way.
    #[inline(always)]
    unsafe fn note_silence(&mut self) {
        unsafe {
            let (frames, others) = (frames(self.stream), frames(self.other));
            let since = |frames: *const Frames| {
                if (*frames).frames == 0 { u32::MAX } else { self.now.wrapping_sub((*frames).last_at) }
            };
            let since = since(frames).min(since(others));
            // A frame in the other direction may have passed a moment later, on another processor.
            if since > (*frames).longest && since < u32::MAX / 2 {
                (*frames).longest = since;
            }
            (*frames).last_at = self.now;
        }
    }

    /// The payload of a frame comes, of `len` bytes.
    #[inline(always)]
    unsafe fn frame_of(&mut self, len: u64) {
        unsafe {
            let stream = self.stream;
            expect(stream, due::HEADER, 2);
            let mask = if self.asks() { MASK_BYTES } else { 0 };
            (*stream).skip = len.saturating_add(mask);
            if (*stream).skip == 0 {
                self.websocket_passed();
            }
        }
    }

    #[inline(always)]
    unsafe fn close_begins(&mut self, len: u64, is_masked: bool) {
        unsafe {
            (*frames(self.stream)).close_at = self.now;
            if len == 0 {
                return self.closed();
            }
            let all = len + if is_masked { MASK_BYTES } else { 0 };
            expect(self.stream, due::CLOSE, all.min(CLOSE_BYTES as u64));
        }
    }

    /// Nothing that is read follows a close frame (RFC 6455 section 5.5.1).
    #[inline(always)]
    unsafe fn closed(&mut self) {
        unsafe {
            let (own, others) = (frames(self.stream), frames(self.other));
            let answer = if (*others).notes & note::CLOSED == 0 { 0 } else { note::ANSWER };
            (*own).notes |= note::CLOSED | answer;
            (*self.stream).state = state::TUNNEL;
            (*self.stream).skip = u64::MAX;
        }
    }

    /// A frame has passed in full.
    #[inline(always)]
    pub(super) unsafe fn websocket_passed(&mut self) {
        unsafe {
            let frames = frames(self.stream);
            (*frames).last_at = self.now;
            if (*frames).first & OPCODE <= BINARY {
                (*frames).data_at = self.now;
            }
        }
    }
}
