//! What is remembered of one socket whose messages are not read: who spoke when, and the edges of what was said.
//!
//! The kernel only records: whose turn it is, and the first and last bytes of the newest messages. Which protocol that is,
//! and what it means, is decided in user space. The same source runs in the kernel, per segment, and in tests.

#![allow(
    clippy::inline_always,
    reason = "the verifier follows one program best; a call would lose the bounds that it knows"
)]
#![allow(
    clippy::cast_ptr_alignment,
    reason = "a flow is aligned to words, and its arrays begin at multiples of them"
)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every block relies on one promise: the conversation is writable (take_in)"
)]

use crate::{
    event::Header,
    exchange::{IN, NONE, OUT},
    framing::{FirstBytes, LONG_GAP_TICKS, Payload, REPORT_EVERY, within},
};

/// [`crate::event::Progress::protocol`] of a conversation: beside the protocols of [`crate::exchange::Exchange`].
pub const PROGRESS: u32 = 5;

/// Bytes that are kept of an opening and of a turn's beginning.
pub const EDGE_BYTES: usize = 16;
/// Bytes that are kept of the newest segment: a PostgreSQL error's code lies within them.
pub const NEWEST_BYTES: usize = 32;
/// Bytes that are kept of its end: a PostgreSQL ReadyForQuery, the end of a MySQL result.
pub const TAIL_BYTES: usize = 8;

/// [`Conversation::flags`]: the connection is older than what was seen of it.
pub const STARTED_LATE: u8 = 1;
/// [`Conversation::flags`]: bytes passed that were not seen, or not in order.
pub const GAP: u8 = 2;
/// [`Conversation::flags`]: a NATS server's greeting, or a PONG line: PING lines ask for nothing.
pub const PING_LINES: u8 = 4;
/// [`Conversation::flags`]: the openings were sent to user space.
pub const OPENINGS_SENT: u8 = 8;

/// [`Conversation::flags`]: this end spoke after the peer's FIN: how the socket ends is to be told.
pub const SPOKE_LATE: u8 = 16;

/// So many segments of a new connection may yet turn out to be HTTP, behind a preamble (PROXY protocol, SOCKS).
pub const YOUNG_SEGMENTS: u32 = 8;

/// One direction. A turn is what one end sends between two messages of the other's; heartbeats are none.
// Aligned because its bytes are moved as words.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Flow {
    /// Sequence number of the first payload byte that was seen.
    pub start_seq: u32,
    /// One past the newest payload byte.
    pub end_seq: u32,
    /// Sequence number of the newest turn's first byte.
    pub turn_seq: u32,
    /// Jiffies at that byte.
    pub turn_at: u32,
    /// Jiffies at the newest payload byte that is no heartbeat.
    pub last: u32,
    pub turns: u32,
    /// Heartbeats included.
    pub segments: u32,
    /// Bytes of the first segment.
    pub opening_len: u32,
    /// Bytes of the segment that began the newest turn.
    pub turn_len: u32,
    /// Bytes of the newest segment that is no heartbeat.
    pub newest_len: u32,
    /// Sequence number of its first byte.
    pub newest_seq: u32,
    /// Jiffies at the one before it.
    pub before_at: u32,
    /// The first segment's first bytes, zero-padded; so are the next two.
    pub opening: [u8; EDGE_BYTES],
    pub turn: [u8; EDGE_BYTES],
    pub newest: [u8; NEWEST_BYTES],
    /// The newest segment's last bytes; of a shorter one, all, with zeros before them.
    pub tail: [u8; TAIL_BYTES],
    /// The same of the one before it.
    pub before: [u8; TAIL_BYTES],
}

/// What is remembered of one socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Conversation {
    /// Direction of the client's bytes, [`IN`] or [`OUT`]; [`NONE`] where the socket does not tell.
    pub asker: u8,
    /// Direction of the newest message; [`NONE`] before any.
    pub last_direction: u8,
    pub flags: u8,
    pub reserved: u8,
    pub segments: u32,
    /// `segments` when the state was last sent to user space.
    pub reported_segments: u32,
    /// The client's turns that have had an answer.
    pub answered: u32,
    /// Turns of the client on a connection that had answered before.
    pub reuses: u32,
    /// Ticks before the newest of them.
    pub gap: u32,
    pub heartbeats: u32,
    /// Jiffies at the newest heartbeat.
    pub heartbeat_at: u32,
    pub flows: [Flow; 2],
}

/// [`Conversation`] on the ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ConversationRecord {
    pub header: Header,
    pub conversation: Conversation,
}

const _: () = {
    assert!(size_of::<Flow>() == 128);
    assert!(
        core::mem::offset_of!(Flow, opening).is_multiple_of(8)
            && core::mem::offset_of!(Flow, newest).is_multiple_of(8)
    );
    assert!(size_of::<Conversation>() == 32 + 2 * size_of::<Flow>());
    // With the kernel's 72 bytes of element header it takes a 512-byte slab object, as anything above 184 bytes does.
    assert!(size_of::<ConversationRecord>() == 312);
};

/// A segment with payload.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// [`IN`] or [`OUT`].
    pub direction: u8,
    pub seq: u32,
    /// Where its payload begins, as [`Payload::load`] takes it.
    pub at: u32,
    /// Bytes of payload, at least 1.
    pub len: u32,
    /// Jiffies.
    pub now: u32,
}

/// Begins a conversation in zeroed storage.
///
/// # Safety
/// `conversation` must be writable.
#[inline(always)]
pub unsafe fn begin(conversation: *mut Conversation, asker: u8, is_late: bool) {
    unsafe {
        (*conversation).asker = asker;
        (*conversation).last_direction = NONE;
        (*conversation).flags = if is_late { STARTED_LATE } else { 0 };
    }
}

/// Takes in a segment that begins with `first`. True when it is worth a [`crate::event::Progress`] record.
///
/// # Safety
/// `conversation` must be writable.
#[inline(always)]
pub unsafe fn take_in<P: Payload>(
    conversation: *mut Conversation,
    payload: &P,
    segment: Segment,
    first: FirstBytes,
) -> bool {
    unsafe {
        let Segment { direction, seq, at, len, now } = segment;
        let (inward, outward) = (&raw mut (*conversation).flows[0], &raw mut (*conversation).flows[1]);
        let (flow, other) = if direction == IN { (inward, outward) } else { (outward, inward) };
        let (low, high) = words(first);
        if (*flow).segments == 0 {
            (*flow).start_seq = seq;
            (*flow).end_seq = seq;
            (*flow).opening_len = len;
            store(&raw mut (*flow).opening, low, high);
            if low as u32 == u32::from_le_bytes(*b"INFO") {
                (*conversation).flags |= PING_LINES;
            }
        }
        let end = seq.wrapping_add(len);
        if (end.wrapping_sub((*flow).end_seq) as i32) <= 0 {
            // Seen before.
            return false;
        }
        if (seq.wrapping_sub((*flow).end_seq) as i32) > 0 {
            (*conversation).flags |= GAP;
        }
        (*flow).end_seq = end;
        (*flow).segments = (*flow).segments.wrapping_add(1);
        (*conversation).segments = (*conversation).segments.wrapping_add(1);
        if is_heartbeat(conversation, low, len) {
            (*conversation).heartbeats = (*conversation).heartbeats.wrapping_add(1);
            (*conversation).heartbeat_at = now;
            return false;
        }
        let mut report = false;
        if (*conversation).last_direction != direction {
            (*conversation).last_direction = direction;
            (*flow).turns = (*flow).turns.wrapping_add(1);
            (*flow).turn_seq = seq;
            (*flow).turn_at = now;
            (*flow).turn_len = len;
            store(&raw mut (*flow).turn, low, high);
            if direction == (*conversation).asker {
                report = asked(conversation, flow, other, now);
            } else {
                (*conversation).answered = (*other).turns;
            }
        }
        (*flow).before_at = (*flow).last;
        (*flow).last = now;
        (*flow).newest_seq = seq;
        (*flow).newest_len = len;
        keep_newest(flow, payload, at, len, (low, high));
        report
    }
}

/// A turn of the client's has begun.
#[inline(always)]
unsafe fn asked(conversation: *mut Conversation, flow: *const Flow, other: *const Flow, now: u32) -> bool {
    unsafe {
        let mut report = (*flow).turns.is_multiple_of(REPORT_EVERY);
        if (*flow).turns > 1 && (*other).turns > 0 {
            (*conversation).reuses = (*conversation).reuses.wrapping_add(1);
            (*conversation).gap = now.wrapping_sub((*other).last);
            report |= (*conversation).gap >= LONG_GAP_TICKS;
        }
        report
    }
}

/// Keeps the edges of a segment. Of a short one `first` is all, and nothing more is loaded.
#[inline(always)]
unsafe fn keep_newest<P: Payload>(flow: *mut Flow, payload: &P, at: u32, len: u32, (low, high): (u64, u64)) {
    const MOST: u64 = NEWEST_BYTES as u64;
    unsafe {
        let to = (&raw mut (*flow).newest).cast::<u64>();
        to.write_volatile(low);
        to.add(1).write_volatile(high);
        to.add(2).write_volatile(0);
        to.add(3).write_volatile(0);
        let tail = (&raw mut (*flow).tail).cast::<u64>();
        (&raw mut (*flow).before).cast::<u64>().write(tail.read());
        if len <= EDGE_BYTES as u32 {
            tail.write(last_bytes(low, high, len));
            return;
        }
        if let Some(kept) = within(u64::from(len).min(MOST), MOST) {
            payload.load(at, to.cast(), kept as u32);
        }
        let end = at.wrapping_add(len).wrapping_sub(TAIL_BYTES as u32);
        payload.load(end, tail.cast(), TAIL_BYTES as u32);
    }
}

/// The last eight of `len` bytes, at most 16, that are zero-padded in two words.
#[inline(always)]
const fn last_bytes(low: u64, high: u64, len: u32) -> u64 {
    if len <= 8 {
        // Shifted in two steps, as a word cannot be shifted by its whole length.
        let half = (8 - len) * 4;
        return (low << half) << half;
    }
    let half = (len - 8) * 4;
    ((low >> half) >> half) | (high << (8 * (16 - len)))
}

/// What peers send to see whether the other is still there. It is no activity, and nothing waits for it: NATS's PING and
/// PONG lines, AMQP 0-9-1's frame 8, MQTT's PINGREQ and PINGRESP, a tick of Erlang's distribution.
#[inline(always)]
unsafe fn is_heartbeat(conversation: *mut Conversation, low: u64, len: u32) -> bool {
    const LINE: u64 = (1 << 48) - 1;
    const PING: u64 = u64::from_le_bytes(*b"PING\r\n\0\0");
    const PONG: u64 = u64::from_le_bytes(*b"PONG\r\n\0\0");
    const AMQP: u64 = u64::from_le_bytes([8, 0, 0, 0, 0, 0, 0, 0xce]);
    match len {
        2 => matches!(low & 0xffff, 0x00c0 | 0x00d0),
        4 => low == 0,
        6 if low & LINE == PONG => {
            // Redis answers its inline PING with a plus sign before it.
            unsafe { (*conversation).flags |= PING_LINES };
            true
        }
        6 => low & LINE == PING && unsafe { (*conversation).flags } & PING_LINES != 0,
        8 => low == AMQP,
        _ => false,
    }
}

#[inline(always)]
fn words(first: FirstBytes) -> (u64, u64) {
    let word = |bytes: Option<&[u8; 8]>| u64::from_ne_bytes(bytes.copied().unwrap_or_default());
    (word(first.first_chunk()), word(first.last_chunk()))
}

#[inline(always)]
unsafe fn store(to: *mut [u8; EDGE_BYTES], low: u64, high: u64) {
    unsafe {
        let to = to.cast::<u64>();
        to.write(low);
        to.add(1).write(high);
    }
}

impl Conversation {
    /// The flow of `direction`, [`IN`] or [`OUT`].
    #[must_use]
    pub const fn flow(&self, direction: u8) -> &Flow {
        if direction == IN { &self.flows[IN as usize] } else { &self.flows[OUT as usize] }
    }
}
