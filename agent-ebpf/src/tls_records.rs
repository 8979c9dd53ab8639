//! What is kept of the newest TLS records of a connection: their lengths and times, from which user space tells what they
//! were.

use crate::exchange::HEAD_BYTES;

/// TLS: what is kept of the records of one direction, in its window of heads.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct TlsRecords {
    /// Where headers are put together.
    pub header: [u8; 8],
    /// How many were kept so far; the newest is at this number less one, modulo [`TLS_RECORDS`].
    pub count: u32,
    /// Level and description of the first alert in clear text (RFC 8446 section 6), the level in the lower half; 0 for
    /// none.
    pub alert: u16,
    /// Bytes that protection adds to what a record carries; 0 where that is not known.
    pub overhead: u8,
    /// [`tls`].
    pub flags: u8,
    pub newest: [TlsRecord; TLS_RECORDS],
}

#[cfg(feature = "user")]
impl TlsRecords {
    /// What is kept of a direction's records.
    #[must_use]
    pub fn of(stream: &crate::exchange::Stream) -> Self {
        let read = <Self as zerocopy::FromBytes>::read_from_prefix(&stream.head);
        read.map_or_else(|_| <Self as zerocopy::FromZeros>::new_zeroed(), |(records, _)| records)
    }
}

/// A record with data, or an alert.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct TlsRecord {
    /// Jiffies when it had passed in full, or while it has not, when its header had.
    pub at: u32,
    /// Bytes behind the header (RFC 8446 section 5.1: at most 16,640), and [`TLS_ALERT`].
    pub len: u16,
    /// Among the records of both directions, modulo 2^16.
    pub order: u16,
}

/// An alert in a TLS 1.3 record: two bytes, the inner type and a tag of 16 (RFC 8446 section 5.2). Nothing that
/// carries HTTP is as short.
pub const ALERT_13: u16 = 19;
/// The first records of HTTP/2, with the preface and SETTINGS alone, are no longer; no ticket is as short.
pub const LONGEST_SETTINGS: u16 = 110;

/// [`crate::exchange::Stream::part`] of a direction.
pub mod part {
    /// A ChangeCipherSpec has passed.
    pub const CIPHER: u8 = 1;
    /// What follows is data.
    pub const FINISHED: u8 = 2;
    /// The handshake ended as that of TLS 1.3.
    pub const VERSION_13: u8 = 4;
}

/// Records of each direction that are kept; a power of two.
pub const TLS_RECORDS: usize = 32;
/// [`TlsRecord::len`]: its type says that it is an alert.
pub const TLS_ALERT: u16 = 1 << 15;

/// [`TlsRecords::flags`] of the client's direction.
pub mod tls {
    /// Its ClientHello offers HTTP/2 (RFC 7301 section 3.1).
    pub const OFFERS_HTTP2: u8 = 1;
    /// It does, and a record had the length of a SETTINGS frame's acknowledgment (RFC 9113 section 6.5).
    pub const HTTP2: u8 = 2;

    /// Whether HTTP/2 frames of `len` bytes carry no message: one or two of SETTINGS' acknowledgment or an empty
    /// frame (9), WINDOW_UPDATE or RST_STREAM (13), PING or GOAWAY (17).
    #[inline]
    #[must_use]
    pub const fn is_control(len: u64) -> bool {
        matches!(len, 9 | 13 | 17 | 26 | 30 | 34)
    }
}

const _: () = {
    assert!(size_of::<TlsRecords>() == 16 + 8 * TLS_RECORDS && size_of::<TlsRecords>() <= HEAD_BYTES);
    assert!(TLS_RECORDS.is_power_of_two());
};
