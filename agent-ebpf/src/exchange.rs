//! What the HTTP tier remembers of one socket, in socket storage.
//!
//! [`crate::framing`] keeps it up to date, segment by segment; what it means is decided in user space.

use crate::event::Header;

/// Bytes of a message's head that are kept from its start; also the window in which lines are found.
pub const HEAD_BYTES: usize = 344;
/// Of a head that is longer, this much is kept; the rest of the window slides over what follows.
pub const KEPT_BYTES: usize = 176;
/// Loads past the end of the window by one word find zeros.
pub const HEAD_PAD: usize = 8;

/// HTTP/2: streams open below [`Exchange::base`] that are told apart. Their numbers are kept in the first window of
/// heads, which HTTP/2 does not use, at this offset; 0 is none.
pub const OLD_STREAMS: usize = 8;
pub const OLD_STREAMS_AT: usize = 16;

/// HTTP/2: so many bytes of each direction's newest GOAWAY's payload (RFC 9113 section 6.8) are kept in its window of
/// heads, at [`GOAWAY_AT`]; [`Stream::head_len`] says how many there are.
pub const GOAWAY_BYTES: usize = 8 + 64;
pub const GOAWAY_AT: usize = 48;
/// HTTP/2: behind it, jiffies when open streams were last given up in this direction, how many were in that moment, and
/// jiffies at the newest GOAWAY.
pub const CUT_AT: usize = GOAWAY_AT + GOAWAY_BYTES;

/// Index of [`Exchange::streams`]: bytes that the socket received.
pub const IN: u8 = 0;
/// Index of [`Exchange::streams`]: bytes that the socket sent.
pub const OUT: u8 = 1;
/// [`Exchange::last_direction`] before any message.
pub const NONE: u8 = 2;

/// [`Exchange::protocol`]: nothing was read of the socket yet; the storage is for a flag, or for the reset that came.
pub const UNREAD: u8 = 0;
/// [`Exchange::protocol`]: HTTP/1.
pub const HTTP: u8 = 1;
/// [`Exchange::protocol`]: TLS records; requests and responses are changes of direction.
pub const TLS: u8 = 2;
/// [`Exchange::protocol`]: HTTP/2 frames.
pub const HTTP2: u8 = 3;
/// [`Exchange::protocol`]: it began like HTTP/1 and was not.
pub const OTHER: u8 = 4;

/// [`Exchange::heads`]: the head of [`IN`].
pub const HEAD_IN: u8 = 1;
/// [`Exchange::heads`]: the head of [`OUT`].
pub const HEAD_OUT: u8 = 2;

/// [`Exchange::flags`]: bytes that decide were never seen, or out of order; positions lean on a guess.
pub const GAP: u8 = 1;
/// [`Exchange::flags`]: more requests were outstanding at once than are told apart.
pub const DEEP: u8 = 2;
/// [`Exchange::flags`]: a 101, or a 2xx to a CONNECT: what follows is not HTTP.
pub const TUNNEL: u8 = 4;
/// [`Exchange::flags`]: the first message seen was a response: the request was missed.
pub const STARTED_LATE: u8 = 8;
/// [`Exchange::flags`]: one end has stopped sending and the other went on: how the socket ends is to be told.
pub const HALF_CLOSED: u8 = 16;
/// [`Exchange::flags`]: a GOAWAY frame was received (HTTP/2).
pub const GOAWAY_IN: u8 = 32;
/// [`Exchange::flags`]: a GOAWAY frame was sent.
pub const GOAWAY_OUT: u8 = 64;
/// [`Exchange::flags`]: a head's own words about its length contradict each other or were not read.
pub const DOUBT: u8 = 128;

/// [`Stream::state`]: where the next undecided byte of a direction lies.
pub mod state {
    /// No byte seen yet.
    pub const NEW: u8 = 0;
    /// Before a message; empty lines are skipped (RFC 9112 section 2.2).
    pub const BETWEEN: u8 = 1;
    pub const HEAD: u8 = 2;
    /// In a body of known length.
    pub const BODY: u8 = 3;
    /// In a chunk-size line.
    pub const CHUNK: u8 = 4;
    /// In a chunk's data and the line end behind it.
    pub const CHUNK_DATA: u8 = 5;
    /// In the trailer section of a chunked body.
    pub const TRAILER: u8 = 6;
    /// In a body that ends with the connection.
    pub const UNTIL_CLOSE: u8 = 7;
    pub const TUNNEL: u8 = 8;
    /// Lost count of the bytes; found again where a message is recognised.
    pub const LOST: u8 = 9;
    /// In the HTTP/2 client's preface.
    pub const PREFACE: u8 = 10;
    /// Before, or in the payload of, an HTTP/2 frame.
    pub const FRAME: u8 = 11;
    /// Before, or in, a TLS record.
    pub const RECORD: u8 = 12;
    /// In the part of a GOAWAY frame's payload that is kept.
    pub const GOAWAY: u8 = 13;
    /// In a TLS ClientHello, up to its protocol names.
    pub const HELLO: u8 = 14;
    /// Before the two bytes of a TLS alert that is not encrypted.
    pub const ALERT: u8 = 15;
    /// Before, or in, a WebSocket frame.
    pub const WEBSOCKET: u8 = 16;
}

/// [`Stream::notes`] on the newest message.
pub mod notes {
    /// `Connection: close`.
    pub const CLOSE: u16 = 1;
    /// `Connection: keep-alive`.
    pub const KEEP_ALIVE: u16 = 2;
    /// The last transfer coding is chunked.
    pub const CHUNKED: u16 = 4;
    /// A Content-Length.
    pub const LENGTH: u16 = 8;
    /// `Expect: 100-continue`.
    pub const EXPECT: u16 = 16;
    /// The head is longer than what is kept of it.
    pub const CUT: u16 = 32;
    /// The line being read is longer than what is held of it.
    pub const LONG: u16 = 64;
    /// A transfer coding, and chunked is not the last.
    pub const CODED: u16 = 128;
    /// HTTP/1.0.
    pub const OLD: u16 = 256;
    /// A response that nobody had asked for.
    pub const UNASKED: u16 = 512;
    /// The first line has been read.
    pub const FIRST_LINE: u16 = 1024;
    /// The head has been read.
    pub const HEAD_DONE: u16 = 2048;
    /// What a line says about the length or the end was not read in full.
    pub const UNSURE: u16 = 8192;
    /// An interim response (1xx).
    pub const INTERIM: u16 = 4096;
    /// In TLS plaintext: OpenSSL had no more to read when it was last asked.
    pub const DRAINED: u16 = 16_384;
    /// Behind a 101: what is kept of WebSocket frames lies in the window of heads ([`crate::websocket::Frames`]).
    pub const FRAMES: u16 = 32_768;
}

/// What a request's method means for the response to it: two bits each in [`Exchange::kinds`].
pub mod kind {
    pub const ANY: u64 = 0;
    pub const HEAD: u64 = 1;
    pub const CONNECT: u64 = 2;
    /// Requests told apart at once.
    pub const SLOTS: u32 = 32;
}

/// One direction of a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Stream {
    /// Bytes from `end_seq` to the next one that decides.
    pub skip: u64,
    /// Content-Length; the chunk size as far as it was read; HTTP/2: the stream whose message is under way; TLS: the
    /// length of the first record of the newest flight of data.
    pub length: u64,
    /// One past the newest payload byte.
    pub end_seq: u32,
    /// Sequence number of the first byte of the newest message.
    pub start_seq: u32,
    /// Messages begun; HTTP/2: the highest stream, of responses the newest that has ended; TLS: records of the first flight of data.
    pub messages: u32,
    /// Messages ended; HTTP/2: bytes behind what is kept of a GOAWAY's payload; TLS: bytes left of a ClientHello.
    pub complete: u32,
    /// Jiffies at the first byte of the newest message.
    pub started: u32,
    /// Jiffies at the newest payload byte.
    pub last: u32,
    /// One past the newest head's last byte; HTTP/2: the stream that ends with the frame under way; TLS: what the
    /// record under way is.
    pub ends: u32,
    /// Bytes in `head` that wait to be read or are.
    pub held: u16,
    /// Where in `head` the line under way begins; HTTP/2: bytes that are kept of a GOAWAY's payload; TLS: the field of a
    /// ClientHello that is read.
    pub line: u16,
    /// Bytes of the newest message's start that are valid in `head`.
    pub head_len: u16,
    /// A response's status; a request's [`kind`].
    pub status: u16,
    /// [`notes`].
    pub notes: u16,
    /// [`state`].
    pub state: u8,
    /// Part of a chunk-size line, of a trailer line, of a TLS handshake.
    pub part: u8,
    /// Where a search ended. Kept here so that the verifier forgets how it was found: ways that it cannot tell apart
    /// it follows once.
    pub found: u16,
    /// Where in `head` the options of a Connection field go on; 0 when none are being read.
    pub options: u16,
    /// `head` may hold lines that were not read yet.
    pub unread: u16,
    /// A request began that is worth a record.
    pub report: u16,
    pub head: [u8; HEAD_BYTES + HEAD_PAD],
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
    /// Direction of the newest payload.
    pub last_direction: u8,
    pub flags: u8,
    /// Payload segments recorded.
    pub segments: u32,
    /// `segments` when the state was last sent to user space.
    pub reported_segments: u32,
    /// Requests begun (TLS: turns).
    pub begun: u32,
    /// Of them, those whose final response has ended.
    pub answered: u32,
    /// Jiffies at the start of the request that had been open longest when it began: since nothing was open.
    pub oldest_started: u32,
    /// Jiffies at the last byte of the newest final response that was asked for; HTTP/2: or when an open stream was given up
    /// last.
    pub response_ended: u32,
    /// Responses that nobody had asked for (a 408 into an idle connection), and TLS records that are no data.
    pub unasked: u16,
    /// Status of the newest of them.
    pub unasked_status: u16,
    /// [`kind`] of the newest requests, by number; TLS: when a frame came that may have been a request.
    pub kinds: u64,
    /// HTTP/2: streams open among the 128 from number 2 `base` + 1 on.
    pub open: [u64; 2],
    /// TLS: [`crate::tls_records::TlsRecord`]s so far.
    pub base: u32,
    /// HTTP/2: streams still open below them for which there was no place among [`Exchange::old_streams`].
    pub open_before: u32,
    /// Ticks from the last response to the newest request that re-used the connection.
    pub gap: u32,
    /// Requests that came on an idle connection.
    pub reuses: u32,
    /// Time to live (hop limit) of the newest segment with payload that was received.
    pub peer_ttl: u8,
    /// The same of the newest reset that was received, of several at once the first.
    pub reset_ttl: u8,
    /// Its TCP flags, 0 while none was received: whether it acknowledges anything tells a living socket's reset from
    /// an answer to a segment that nobody knew (`tcp_send_active_reset` against `tcp_v4_send_reset`, v6.1 to v6.18).
    pub reset_flags: u8,
    /// On the ring: of which directions [`Stream::head`] is there, [`HEAD_IN`] and [`HEAD_OUT`].
    pub heads: u8,
    /// Jiffies when it came.
    pub reset_at: u32,
    /// What it acknowledges.
    pub reset_ack: u32,
    /// What the segment with which the newest received request began acknowledges.
    pub request_ack: u32,
    pub streams: [Stream; 2],
}

/// What came to a listener with the handshake: the socket that it makes takes it over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    /// Source port in the upper half, as on the wire; 0 where there is nothing to take over.
    pub ports: u32,
    /// Sequence number of the payload's first byte.
    pub seq: u32,
    pub record: ExchangeRecord,
}

impl Exchange {
    /// HTTP/2: the streams that are open though many after them have begun.
    pub fn old_streams(&self) -> impl Iterator<Item = u32> + '_ {
        let places = self.streams[0].head[OLD_STREAMS_AT..].as_chunks::<4>().0;
        places.iter().take(OLD_STREAMS).map(|place| u32::from_ne_bytes(*place)).filter(|&id| id != 0)
    }
}

/// A GOAWAY frame, as far as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goaway<'a> {
    pub last_stream: u32,
    pub code: u32,
    /// Additional debug data.
    pub debug: &'a [u8],
    /// Jiffies when it passed.
    pub at: u32,
}

impl Stream {
    /// HTTP/2: the newest GOAWAY of this direction; `None` where none came, or not in full.
    #[must_use]
    pub fn goaway(&self) -> Option<Goaway<'_>> {
        let kept = self.head.get(GOAWAY_AT..GOAWAY_AT + usize::from(self.head_len).min(GOAWAY_BYTES))?;
        let (&last_stream, rest) = kept.split_first_chunk()?;
        let (&code, debug) = rest.split_first_chunk()?;
        let last_stream = u32::from_be_bytes(last_stream) & 0x7fff_ffff;
        Some(Goaway { last_stream, code: u32::from_be_bytes(code), debug, at: self.word(CUT_AT + 8) })
    }

    /// HTTP/2: open streams that were given up in this direction in one moment, and jiffies then.
    #[must_use]
    pub fn cut(&self) -> Option<(u32, u32)> {
        let count = self.word(CUT_AT + 4);
        (count > 0).then(|| (count, self.word(CUT_AT)))
    }

    fn word(&self, at: usize) -> u32 {
        self.head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_ne_bytes(*word))
    }
}

/// [`Exchange`] as it lies in storage. On the ring a [`Stream::head`] that says nothing is left out, by [`Exchange::heads`]:
/// of both directions they are whole; of one, what is used of it is there.
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

/// Where [`Stream::head`] lies in a [`Stream`].
pub const HEAD_OFFSET: usize = core::mem::offset_of!(Stream, head);
/// Where [`Exchange::streams`] lies in an [`ExchangeRecord`].
pub const STREAMS_OFFSET: usize =
    core::mem::offset_of!(ExchangeRecord, exchange) + core::mem::offset_of!(Exchange, streams);
/// Bytes of an [`ExchangeRecord`] on the ring without heads.
pub const HEADLESS_BYTES: usize = STREAMS_OFFSET + 2 * HEAD_OFFSET;
/// Bytes of a [`Stream::head`].
pub const WINDOW_BYTES: usize = HEAD_BYTES + HEAD_PAD;

const _: () = {
    assert!(HEAD_OFFSET + WINDOW_BYTES == size_of::<Stream>());
    assert!(size_of::<Stream>() == 64 + HEAD_BYTES + HEAD_PAD);
    assert!(CUT_AT + 12 <= HEAD_BYTES && CUT_AT.is_multiple_of(4));
    assert!(size_of::<Exchange>() == 88 + 2 * size_of::<Stream>());
    // With the kernel's 72 bytes of element header it fits a 1 KiB slab object.
    assert!(size_of::<ExchangeRecord>() + 72 <= 1024);
    assert!(size_of::<Handover>() == 8 + size_of::<ExchangeRecord>());
};
