//! What the HTTP tier remembers of one socket, in socket storage.
//!
//! The kernel side only records: where messages begin and end in sequence space, when, and the
//! first bytes of each. What they mean is decided in user space.

use crate::event::Header;

/// Bytes of a message that are kept from its start. With it the storage of one socket, including
/// the kernel's own 72 bytes of element header, fits a 1 KiB slab object.
pub const HEAD_BYTES: usize = 400;

/// A message that comes in pieces is appended to while no more than this is held, by at most this
/// much: two bounds whose sum the verifier can see is no more than [`HEAD_BYTES`].
pub const APPEND_BYTES: usize = HEAD_BYTES / 2;

/// Index of [`Exchange::streams`]: bytes that the socket received.
pub const IN: u8 = 0;
/// Index of [`Exchange::streams`]: bytes that the socket sent.
pub const OUT: u8 = 1;
/// [`Exchange::last_direction`] before any message.
pub const NONE: u8 = 2;

/// [`Exchange::protocol`]: messages begin with an HTTP/1 request or status line.
pub const HTTP: u8 = 1;
/// [`Exchange::protocol`]: TLS records; messages are changes of direction.
pub const TLS: u8 = 2;

/// [`Exchange::flags`]: a segment was missing or came out of order; positions lean on a guess.
pub const GAP: u8 = 1;
/// [`Exchange::flags`]: a request began while the last one had no answer.
pub const PIPELINED: u8 = 2;
/// [`Exchange::flags`]: payload changed direction without a message start.
pub const CONTINUED: u8 = 4;
/// [`Exchange::flags`]: the first message seen was a response: the request was missed.
pub const STARTED_LATE: u8 = 8;

/// [`Exchange::flags`]: this end has stopped sending and kept the socket; its end is to be told.
pub const HALF_CLOSED: u8 = 16;
/// [`Exchange::protocol`]: nothing was read of the socket yet; the storage is for a flag alone.
pub const UNREAD: u8 = 0;

/// One direction of a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Stream {
    /// Sequence number of the first byte of the newest message.
    pub start_seq: u32,
    /// One past the newest payload byte.
    pub end_seq: u32,
    /// Message starts seen.
    pub messages: u32,
    /// Bytes valid in `head`.
    pub head_len: u32,
    /// Jiffies at the first byte of the newest message.
    pub started: u32,
    /// Jiffies at the newest payload byte.
    pub last: u32,
    /// The last eight payload bytes, newest lowest.
    pub tail: u64,
    pub head: [u8; HEAD_BYTES],
}

/// What is remembered of one socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Exchange {
    pub protocol: u8,
    /// Direction in which requests go: [`IN`] or [`OUT`].
    pub request_direction: u8,
    /// Direction of the newest payload that was not noise.
    pub last_direction: u8,
    pub flags: u8,
    /// Payload segments recorded.
    pub segments: u32,
    /// `segments` when the state was last sent to user space.
    pub shipped: u32,
    /// Response heads that came with no request before them (a 408 into an idle connection, a
    /// final response after a 1xx), and TLS records too short to be data; since the last request.
    pub unasked: u32,
    /// Where the first of them began.
    pub unasked_seq: u32,
    /// Jiffies of the response direction's newest byte before the first of them.
    pub before_unasked: u32,
    /// The request stream's `messages` when the newest response began: equal to it now when the
    /// newest response answers the newest request.
    pub answering: u32,
    pub reserved: u32,
    pub streams: [Stream; 2],
}

/// [`Exchange`] on the ring.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct ExchangeRecord {
    pub header: Header,
    pub exchange: Exchange,
}

const _: () = {
    assert!(size_of::<Stream>() == 32 + HEAD_BYTES);
    assert!(size_of::<Exchange>() == 32 + 2 * (32 + HEAD_BYTES));
    assert!(size_of::<Exchange>() + 72 <= 1024);
    assert!(size_of::<ExchangeRecord>() == 24 + size_of::<Exchange>());
};
