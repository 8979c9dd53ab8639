//! What is kept of a WebSocket's frames (RFC 6455 section 5), from which user space tells how it ended.

use crate::exchange::HEAD_BYTES;

/// Bytes that are kept of a close frame's payload: the client's mask, the code, and the beginning of the reason.
pub const CLOSE_BYTES: usize = 64;

/// What is kept of one direction's frames, at the end of its window of heads: behind a 101 no head follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Frames {
    /// The header under way, and at last a close frame's payload as it was on the wire.
    pub kept: [u8; CLOSE_BYTES],
    pub frames: u32,
    /// Jiffies at the beginning or the end of the newest data frame.
    pub data_at: u32,
    pub pings: u32,
    /// Jiffies at the newest.
    pub ping_at: u32,
    pub pongs: u32,
    pub pong_at: u32,
    /// Jiffies at the close frame.
    pub close_at: u32,
    /// Jiffies at the beginning or the end of the newest frame.
    pub last_at: u32,
    /// The longest time before a frame in this direction in which none went either way, ticks.
    pub longest: u32,
    /// The newest frame's first two bytes.
    pub first: u8,
    pub second: u8,
    /// Bytes of the close frame that are in `kept`.
    pub close_len: u8,
    /// [`note`].
    pub notes: u8,
}

/// [`Frames::notes`].
pub mod note {
    /// A message goes on in the next data frame.
    pub const MESSAGE: u8 = 1;
    /// A close frame came, as far as it is kept in full.
    pub const CLOSED: u8 = 2;
    /// What came is no frame of a WebSocket, or one that breaks its rules.
    pub const STRANGE: u8 = 4;
    /// The close frame came behind the other end's.
    pub const ANSWER: u8 = 8;
}

/// Where it lies in the window of heads: a place in [`Frames::kept`] and as many bytes again are within it, which is as
/// much as the verifier sees.
pub const FRAMES_AT: usize = HEAD_BYTES - 2 * CLOSE_BYTES;

#[cfg(feature = "user")]
impl Frames {
    /// What is kept of a direction's frames.
    #[must_use]
    pub fn of(stream: &crate::exchange::Stream) -> Self {
        let kept = stream.head.get(FRAMES_AT..).unwrap_or_default();
        let read = <Self as zerocopy::FromBytes>::read_from_prefix(kept);
        read.map_or_else(|_| <Self as zerocopy::FromZeros>::new_zeroed(), |(frames, _)| frames)
    }
}

const _: () = {
    assert!(size_of::<Frames>() == CLOSE_BYTES + 40);
    assert!(FRAMES_AT.is_multiple_of(8) && FRAMES_AT + size_of::<Frames>() <= HEAD_BYTES);
    // Of a head that is longer than its window at least as much is left.
    assert!(FRAMES_AT > crate::exchange::KEPT_BYTES);
};
