//! The framing run in user space, on bytes in memory.

use super::{Cursor, FIRST_BYTES, MAX_STEPS, Payload, begin, is_followed, recognise};
use crate::exchange::{Exchange, UNREAD};

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
    let mut first = [0; FIRST_BYTES];
    let n = bytes.len().min(first.len());
    first[..n].copy_from_slice(&bytes[..n]);
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
