//! Follows HTTP/1, HTTP/2, WebSocket and TLS through the segments of a connection: where each message begins and
//! ends, whatever the segments. The same source runs in the kernel, per segment, and in tests.
//!
//! It reads what decides where the next message begins (RFC 9112 section 6.3; RFC 9113 section 4.1; RFC
//! 8446 section 5.1) and nothing else. It has to be done as the bytes pass: at the end of a connection
//! the bytes that decided are gone, and keeping them all would not be bounded.
//!
//! Everything is raw pointers and masks because the verifier must see each bound: `bound.rs`.

#![allow(
    clippy::inline_always,
    reason = "the verifier follows one program best; a call would lose the bounds that it knows"
)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block relies on one promise: the pointers of a Cursor are writable for its life (Cursor::enter)"
)]

#[cfg(feature = "user")]
pub mod sample;

mod body;
mod bound;
mod gap;
mod head;
mod hello;
mod http1;
mod http2;
mod line;
mod start;
mod tls;
mod websocket;

pub use bound::within;
pub use start::{Start, begin, recognise};

use bound::{load_word, opaque};
use gap::{POSSIBLE, find_again, jump, lost, promise};

use crate::exchange::{Exchange, HTTP2, IN, OTHER, STARTED_LATE, Stream, TLS, state};

/// A re-use after at least this many ticks (a quarter of a second at HZ=250) is worth a record.
pub const LONG_GAP_TICKS: u32 = 62;
/// Every so many requests are worth a record too.
pub const REPORT_EVERY: u32 = 256;
/// Decisions in one segment; a segment with more (tiny chunks) is lost count of, and says so. A chunk without extensions
/// takes at most seven: 1,024 of them fit.
pub const MAX_STEPS: u32 = 8192;
/// What is looked at of a segment that begins something.
pub const FIRST_BYTES: usize = 16;
/// The first bytes of a segment, zero-padded.
pub type FirstBytes = [u8; FIRST_BYTES];

/// The payload of one segment.
pub trait Payload {
    /// Copies `len` bytes from `at` bytes into the segment to `to`.
    ///
    /// # Safety
    /// `to` must be writable for `len` bytes, and `len` at least 1.
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool;
}

/// Where in a segment the reading stands.
#[derive(Debug)]
pub struct Cursor<P> {
    pub payload: P,
    pub exchange: *mut Exchange,
    pub stream: *mut Stream,
    pub other: *mut Stream,
    /// Offset of the next byte, as [`Payload::load`] takes it.
    pub at: u32,
    /// Bytes left.
    pub len: u32,
    pub now: u32,
    pub direction: u8,
}

impl<P: Payload> Cursor<P> {
    /// Takes in the position of a segment of `len` bytes, `at` which its payload begins: forgets what was
    /// seen before, notices what was not. `None` when nothing of it is new or nothing in it decides.
    ///
    /// # Safety
    /// `exchange` must be writable.
    #[inline(always)]
    pub unsafe fn enter(
        payload: P,
        exchange: *mut Exchange,
        direction: u8,
        (seq, at, len): (u32, u32, u32),
        first: FirstBytes,
        now: u32,
    ) -> Option<Self> {
        unsafe {
            let (inward, outward) = (&raw mut (*exchange).streams[0], &raw mut (*exchange).streams[1]);
            let (stream, other) = if direction == IN { (inward, outward) } else { (outward, inward) };
            let asks = direction == (*exchange).request_direction;
            let end = seq.wrapping_add(len);
            if matches!((*stream).state, state::NEW | state::LOST) {
                // Kept in memory so that the verifier forgets how it was found.
                (&raw mut (*stream).found).write_volatile(promise((*exchange).protocol, asks, first, len));
            }
            if (*stream).state == state::NEW {
                (*stream).end_seq = seq;
                (*stream).state = first_state((*exchange).protocol, asks);
                // PRI * HTTP/2.0 CRLF CRLF SM CRLF CRLF (RFC 9113 section 3.4).
                (*stream).skip = if (*stream).state == state::PREFACE { 24 } else { 0 };
                // After a server's SETTINGS only the preface can come.
                let any = asks && (*exchange).protocol != HTTP2 && (*exchange).flags & STARTED_LATE == 0;
                let least = if any { 0 } else { POSSIBLE };
                if (&raw const (*stream).found).read_volatile() < least {
                    // Its beginning was missed.
                    lost(exchange, stream);
                }
            }
            if (end.wrapping_sub((*stream).end_seq) as i32) <= 0 {
                return None;
            }
            let ahead = seq.wrapping_sub((*stream).end_seq) as i32;
            let known = if ahead < 0 { ahead.unsigned_abs() } else { 0 };
            let at_the_edge = ahead > 0 && jump(exchange, stream, u64::from(ahead.unsigned_abs()));
            (*exchange).segments = (*exchange).segments.wrapping_add(1);
            (*stream).end_seq = end;
            (*stream).last = now;
            if (*stream).state == state::LOST {
                find_again(exchange, (stream, other), direction, asks);
            }
            (*exchange).last_direction = direction;
            let left = len.wrapping_sub(known);
            if (*stream).skip > u64::from(left) {
                (*stream).skip -= u64::from(left);
                return None;
            }
            let at = at.wrapping_add(known);
            let mut cursor = Self { payload, exchange, stream, other, at, len: left, now, direction };
            (*stream).unread = 0;
            (*stream).options = 0;
            (*stream).report = 0;
            if at_the_edge {
                cursor.passed();
            }
            Some(cursor)
        }
    }

    /// Makes one decision; true when the segment is used up.
    ///
    /// # Safety
    /// The pointers must be writable.
    #[inline(always)]
    pub unsafe fn step(&mut self) -> bool {
        unsafe {
            let stream = self.stream;
            let skip = (*stream).skip;
            if skip > 0 {
                let left = u64::from(self.len);
                if skip > left {
                    (*stream).skip = skip - left;
                    self.len = 0;
                    return true;
                }
                (*stream).skip = 0;
                self.advance(skip as u32);
                self.passed();
                return self.len == 0;
            }
            if self.len == 0 && (*stream).unread == 0 {
                return true;
            }
            match (*stream).state {
                state::BETWEEN | state::HEAD => self.read_head(),
                state::CHUNK | state::TRAILER => self.read_chunk_line(),
                state::FRAME => self.read_frame(),
                state::RECORD => self.read_record(),
                state::GOAWAY => self.read_goaway(),
                state::HELLO => self.read_hello(),
                state::ALERT => self.read_alert(),
                state::WEBSOCKET => self.read_websocket(),
                _ => (*stream).skip = u64::MAX,
            }
            self.len == 0 && (*stream).unread == 0
        }
    }

    /// After the last step: what was not decided is lost.
    ///
    /// # Safety
    /// The pointers must be writable.
    #[inline(always)]
    pub unsafe fn leave(&mut self) {
        unsafe {
            if self.len > 0 || (*self.stream).unread != 0 {
                self.lose();
            }
        }
    }

    /// Requests go in this direction. Read anew each time, as all that steps hand on is kept in the map and not
    /// here: each value of what lies on the stack is another way for the verifier to follow.
    #[inline(always)]
    fn asks(&self) -> bool {
        unsafe { (*self.exchange).request_direction == self.direction }
    }

    /// A request began that is worth a record.
    ///
    /// # Safety
    /// The pointers must be readable.
    #[inline(always)]
    pub unsafe fn is_worth_a_record(&self) -> bool {
        unsafe { (*self.stream).report != 0 }
    }

    #[inline(always)]
    fn advance(&mut self, by: u32) {
        self.at = self.at.wrapping_add(by);
        self.len = self.len.wrapping_sub(by);
    }

    /// The bytes that were to be skipped have passed.
    #[inline(always)]
    unsafe fn passed(&mut self) {
        unsafe {
            let stream = self.stream;
            match (*stream).state {
                state::BODY => self.message_ended(),
                state::CHUNK_DATA => (*stream).state = state::CHUNK,
                state::PREFACE => (*stream).state = state::FRAME,
                state::FRAME => self.frame_ended(),
                state::RECORD => self.record_ended(),
                state::HELLO => self.hello_passed(),
                state::WEBSOCKET => self.websocket_passed(),
                _ => {}
            }
        }
    }

    /// Nothing of the rest of the segment can be told, either.
    #[inline(always)]
    unsafe fn lose(&mut self) {
        unsafe {
            lost(self.exchange, self.stream);
            self.len = 0;
            (*self.stream).unread = 0;
        }
    }

    /// It is not HTTP after all.
    #[inline(always)]
    unsafe fn give_up(&mut self) {
        unsafe {
            (*self.exchange).protocol = OTHER;
            self.read_no_more();
            self.len = 0;
        }
    }

    /// What follows, either way, is nothing that is read.
    #[inline(always)]
    unsafe fn read_no_more(&mut self) {
        unsafe {
            (*self.stream).state = state::TUNNEL;
            (*self.stream).skip = u64::MAX;
            (*self.other).state = state::TUNNEL;
            (*self.other).skip = u64::MAX;
        }
    }

    /// Puts the `LEN` bytes together that come before a frame's or a record's payload: the first eight of them, the
    /// first lowest. `None` until all have come; more than eight are in [`Stream::head`].
    #[inline(always)]
    unsafe fn header<const LEN: u64>(&mut self) -> Option<u64> {
        unsafe { self.bytes::<LEN>(LEN) }
    }

    /// The same with the next `len` bytes, at most `MOST`.
    #[inline(always)]
    unsafe fn bytes<const MOST: u64>(&mut self, len: u64) -> Option<u64> {
        unsafe {
            let stream = self.stream;
            let window = (&raw mut (*stream).head).cast::<u8>();
            let held = opaque(u64::from((*stream).held));
            let some = u64::from(self.len).min(len.wrapping_sub(held));
            let missing = if held < MOST && held < len { within(some, MOST) } else { None };
            let loaded = missing.filter(|&n| self.payload.load(self.at, window.add(held as usize), n as u32));
            let Some(n) = loaded else {
                self.lose();
                return None;
            };
            self.advance(n as u32);
            if held + n < len {
                (*stream).held = (held + n) as u16;
                return None;
            }
            (*stream).held = 0;
            Some(load_word(window))
        }
    }
}

/// Whether the next segment in `direction` is followed without a look at what it begins with.
///
/// # Safety
/// `exchange` must be readable.
#[inline(always)]
pub unsafe fn is_followed(exchange: *const Exchange, direction: u8) -> bool {
    let (inward, outward) = unsafe { (&(*exchange).streams[0], &(*exchange).streams[1]) };
    let state = if direction == IN { inward.state } else { outward.state };
    !matches!(state, state::NEW | state::LOST)
}

#[inline(always)]
fn first_state(protocol: u8, asks: bool) -> u8 {
    match protocol {
        TLS => state::RECORD,
        HTTP2 if asks => state::PREFACE,
        HTTP2 => state::FRAME,
        _ => state::BETWEEN,
    }
}
