//! The framing run in user space, on bytes in memory.

use zerocopy::FromZeros as _;

use super::{Cursor, FIRST_BYTES, FirstBytes, MAX_STEPS, Payload, begin, is_followed, recognise};
use crate::{
    conversation::{self, Conversation, Segment},
    exchange::{Exchange, UNREAD},
};

struct Bytes<'a>(&'a [u8]);

impl Payload for Bytes<'_> {
    unsafe fn load(&self, at: u32, to: *mut u8, len: u32) -> bool {
        let Some(from) = self.0.get(at as usize..).and_then(|rest| rest.get(..len as usize)) else {
            return false;
        };
        // SAFETY: the caller's: `to` is writable for `len` bytes.
        unsafe { from.as_ptr().copy_to_nonoverlapping(to, from.len()) };
        true
    }
}

/// Takes in a segment with the payload `bytes`, as the probes do: nothing happens before a segment that
/// is recognised. True when the kernel would tell of a request.
///
/// # Panics
/// When the payload is 4 GiB or longer.
pub fn follow(exchange: &mut Exchange, direction: u8, seq: u32, bytes: &[u8], now: u32) -> bool {
    let len = u32::try_from(bytes.len()).expect("a segment");
    if len == 0 {
        return false;
    }
    let mut first = first_bytes(bytes);
    let exchange: *mut Exchange = exchange;
    // SAFETY: `exchange` comes from a unique reference, and `Bytes` checks its bounds.
    unsafe {
        if (*exchange).protocol == UNREAD {
            let Some(start) = recognise(first, len) else { return false };
            begin(exchange, start, direction);
        }
        if is_followed(exchange, direction) {
            // The probes do not look then.
            first = [0; FIRST_BYTES];
        }
        let Some(mut cursor) = Cursor::enter(Bytes(bytes), exchange, direction, (seq, 0, len), first, now)
        else {
            return false;
        };
        for _ in 0..MAX_STEPS {
            if cursor.step() {
                break;
            }
        }
        cursor.leave();
        cursor.is_worth_a_record()
    }
}

/// A conversation in which nothing was said yet; `asker` is the direction of the client's bytes.
#[must_use]
pub fn begun(asker: u8, is_late: bool) -> Conversation {
    let mut conversation = Conversation::new_zeroed();
    // SAFETY: a unique reference.
    unsafe { conversation::begin(&raw mut conversation, asker, is_late) };
    conversation
}

/// Takes in a segment of a conversation that is not followed, as the probes do. True when the kernel would tell of it.
///
/// # Panics
/// When the payload is 4 GiB or longer.
pub fn converse(conversation: &mut Conversation, direction: u8, seq: u32, bytes: &[u8], now: u32) -> bool {
    let len = u32::try_from(bytes.len()).expect("a segment");
    if len == 0 {
        return false;
    }
    let segment = Segment { direction, seq, at: 0, len, now };
    // SAFETY: `conversation` is a unique reference, and `Bytes` checks its bounds.
    unsafe { conversation::take_in(conversation, &Bytes(bytes), segment, first_bytes(bytes)) }
}

fn first_bytes(bytes: &[u8]) -> FirstBytes {
    let mut first = [0; FIRST_BYTES];
    let n = bytes.len().min(first.len());
    first[..n].copy_from_slice(&bytes[..n]);
    first
}
