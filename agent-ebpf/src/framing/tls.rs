//! TLS records (RFC 8446 section 5.1; RFC 5246 section 6.2.1): only their types and lengths can be read, so
//! requests and responses are changes of direction among the records that carry data.

use super::{Cursor, Payload};
use crate::exchange::{OTHER, notes};

const HEADER: u64 = 5;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// An alert in a TLS 1.3 record: two bytes, the inner type and a tag of 16 (RFC 8446 section 5.2). Nothing that
/// carries HTTP is as short.
const ALERT_13: u64 = 19;

/// A Finished of TLS 1.2 is 16 bytes, and its protection at most 64; a second ClientHello of TLS 1.3, which may
/// follow a ChangeCipherSpec too, is longer.
const LONGEST_FINISHED: u64 = 96;

/// [`crate::exchange::Stream::part`]: a ChangeCipherSpec has passed.
const CIPHER: u8 = 1;
/// What follows is data.
const FINISHED: u8 = 2;
/// The handshake ended as that of TLS 1.3.
const VERSION_13: u8 = 4;

/// [`crate::exchange::Stream::ends`]: the record under way is data of a response.
const RESPONSE: u32 = 1;

impl<P: Payload> Cursor<P> {
    #[inline(always)]
    pub(super) unsafe fn read_record(&mut self) {
        unsafe {
            let stream = self.stream;
            let Some(word) = self.header::<HEADER>() else { return };
            let kind = word as u8;
            if !matches!(kind, CHANGE_CIPHER_SPEC..=DATA) || (word >> 8) as u8 != 3 {
                (*self.exchange).protocol = OTHER;
                return self.lose();
            }
            let len = (word >> 24 & 0xff) << 8 | (word >> 32 & 0xff);
            (*stream).skip = len;
            self.record(kind, len);
            if len == 0 {
                self.record_ended();
            }
        }
    }

    #[inline(always)]
    unsafe fn record(&mut self, kind: u8, len: u64) {
        unsafe {
            let stream = self.stream;
            match kind {
                CHANGE_CIPHER_SPEC => (*stream).part |= CIPHER,
                // The Finished of TLS 1.2.
                HANDSHAKE if (*stream).part & CIPHER != 0 && len <= LONGEST_FINISHED => {
                    (*stream).part |= FINISHED;
                }
                DATA if self.asks() && (*stream).part & FINISHED == 0 => {
                    (*stream).part |= FINISHED | VERSION_13;
                }
                DATA if len == ALERT_13 => self.unasked_record(),
                ALERT => self.unasked_record(),
                DATA if self.asks() => self.data_asked(),
                DATA => self.data_answered(len),
                _ => {}
            }
        }
    }

    #[inline(always)]
    unsafe fn unasked_record(&mut self) {
        unsafe { (*self.exchange).unasked = (*self.exchange).unasked.saturating_add(1) }
    }

    #[inline(always)]
    unsafe fn data_asked(&mut self) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            if (*exchange).begun == (*exchange).answered {
                (*stream).started = self.now;
                (*stream).start_seq = (*stream).end_seq.wrapping_sub(self.len).wrapping_sub(HEADER as u32);
                (*stream).messages = (*stream).messages.wrapping_add(1);
                (*stream).notes = notes::HEAD_DONE;
                self.request_begins();
            }
        }
    }

    #[inline(always)]
    unsafe fn data_answered(&mut self, len: u64) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            let asker = (*self.other).part;
            if asker & FINISHED == 0 {
                // Still the handshake of TLS 1.3.
                return;
            }
            if (*exchange).begun == 0 {
                // Nothing was asked yet: session tickets.
                return self.unasked_record();
            }
            if (*exchange).begun != (*exchange).answered {
                (*exchange).answered = (*exchange).begun;
                (*stream).complete = (*stream).complete.wrapping_add(1);
            } else if asker & VERSION_13 != 0
                && (*exchange).begun == 1
                && (*stream).messages == 1
                && (*stream).length == len
            {
                // Two records of the same length right after the handshake are session tickets, sent while the
                // request was under way (RFC 8446 section 4.6.1), and no answer yet.
                (*exchange).answered = 0;
                (*stream).messages = 2;
                return self.unasked_record();
            }
            (*stream).messages = (*stream).messages.wrapping_add(1);
            (*stream).length = len;
            (*stream).ends = RESPONSE;
        }
    }

    /// A record has passed in full.
    #[inline(always)]
    pub(super) unsafe fn record_ended(&mut self) {
        unsafe {
            if (*self.stream).ends == RESPONSE {
                (*self.stream).ends = 0;
                (*self.exchange).response_ended = self.now;
            }
        }
    }
}
