//! Segments that were lost on the way past the probe, or came out of order.

use super::{
    FirstBytes,
    start::{Start, may_answer, recognise},
};
use crate::exchange::{Exchange, GAP, HTTP, HTTP2, Stream, TLS, notes, state};

/// A message, beyond doubt.
pub(super) const CERTAIN: u16 = 2;
/// What may be the first bytes of a message.
pub(super) const POSSIBLE: u16 = 1;

/// How well a segment's first bytes look like the beginning of what is due.
#[inline(always)]
pub(super) fn promise(protocol: u8, asks: bool, first: FirstBytes, len: u32) -> u16 {
    if protocol == TLS {
        return POSSIBLE;
    }
    match recognise(first, len) {
        Some(Start::Request | Start::Preface) if asks => CERTAIN,
        Some(Start::Response) if !asks && protocol == HTTP => CERTAIN,
        // A server begins with a SETTINGS frame (RFC 9113 section 3.4).
        Some(Start::Settings) if !asks && protocol == HTTP2 => CERTAIN,
        _ if asks => 0,
        _ => u16::from(may_answer(protocol, first)),
    }
}

/// Nothing more can be told of this direction, until it is found again.
#[inline(always)]
pub(super) unsafe fn lost(exchange: *mut Exchange, stream: *mut Stream) {
    unsafe {
        (*exchange).flags |= GAP;
        // Where a WebSocket's next frame begins nothing tells.
        (*stream).state = if (*stream).state == state::WEBSOCKET { state::TUNNEL } else { state::LOST };
        (*stream).skip = u64::MAX;
    }
}

/// `ahead` bytes are missing before this segment: they may come late, but they will not be looked at. True
/// when what was to be skipped ends with them.
#[inline(always)]
pub(super) unsafe fn jump(exchange: *mut Exchange, stream: *mut Stream, ahead: u64) -> bool {
    unsafe {
        if (*stream).skip >= ahead {
            // They are of a body: no decision lies in them.
            (*stream).skip -= ahead;
            return (*stream).skip == 0;
        }
        lost(exchange, stream);
        (*stream).found = 0;
        false
    }
}

/// A segment that begins with a message where one is due ends the doubt about where messages begin.
#[inline(always)]
pub(super) unsafe fn find_again(
    exchange: *mut Exchange,
    (stream, other): (*mut Stream, *mut Stream),
    direction: u8,
    asks: bool,
) {
    unsafe {
        if (*exchange).protocol != HTTP || (*exchange).last_direction == direction {
            return;
        }
        if (&raw const (*stream).found).read_volatile() != CERTAIN {
            return;
        }
        (*stream).state = state::BETWEEN;
        (*stream).skip = 0;
        if asks {
            (*exchange).answered = (*exchange).begun;
            if !matches!((*other).state, state::NEW | state::BETWEEN) {
                // Its end is the end of nothing that is counted.
                (*other).notes |= notes::UNASKED;
            }
        }
    }
}
