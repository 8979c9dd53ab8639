//! TLS records (RFC 8446 section 5.1; RFC 5246 section 6.2.1): only their types and lengths can be read, so
//! requests and responses are changes of direction among the records that carry data.

use super::bound::opaque;
use super::hello::FIRST_FIELD;
use super::{Cursor, Payload};
use crate::exchange::{OTHER, Stream, notes, state};
use crate::tls_records::{
    self, TLS_ALERT, TLS_RECORDS, TlsRecord, TlsRecords,
    part::{CIPHER, FINISHED, VERSION_13},
    tls,
};

const HEADER: u64 = 5;
/// A SETTINGS frame without settings (RFC 9113 section 6.5).
const SETTINGS_ACK: u64 = 9;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

const ALERT_13: u64 = tls_records::ALERT_13 as u64;

/// A Finished of TLS 1.2 is 16 bytes, and its protection at most 64; a second ClientHello of TLS 1.3, which may
/// follow a ChangeCipherSpec too, is longer.
const LONGEST_FINISHED: u64 = 96;

/// A Finished of TLS 1.2 without its protection.
const FINISHED_12: u64 = 16;
/// Tag and inner type of TLS 1.3.
const OVERHEAD_13: u8 = 17;

/// [`crate::exchange::Stream::ends`]: the record under way is data of a response.
const RESPONSE: u32 = 1;
/// [`crate::exchange::Stream::ends`]: the record under way is the newest that is kept.
const KEPT: u32 = 2;

/// [`crate::exchange::Exchange::kinds`]: there is a frame that may have been a request, and when it came is in the lower half.
const CANDIDATE: u64 = 1 << 32;
const LONGEST_SETTINGS: u64 = tls_records::LONGEST_SETTINGS as u64;

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
            self.record(kind, len);
            match (kind, len) {
                (HANDSHAKE, FIRST_FIELD..) if self.asks() && (*stream).part == 0 => {
                    return self.hello_begins(len);
                }
                (ALERT, 2) => return (*stream).state = state::ALERT,
                _ => (*stream).skip = len,
            }
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
                HANDSHAKE if (*stream).part & CIPHER != 0 && len <= LONGEST_FINISHED => {
                    (*stream).part |= FINISHED;
                    (*records(stream)).overhead = len.saturating_sub(FINISHED_12) as u8;
                }
                ALERT => {
                    self.keep(len, TLS_ALERT);
                    self.unasked_record();
                }
                // Before the handshake has ended it can be nothing else.
                DATA if len == ALERT_13 && self.is_in_handshake() => self.keep(len, TLS_ALERT),
                DATA if self.asks() && (*stream).part & FINISHED == 0 => {
                    (*stream).part |= FINISHED | VERSION_13;
                    (*records(stream)).overhead = OVERHEAD_13;
                    (*records(self.other)).overhead = OVERHEAD_13;
                }
                DATA => self.data(len),
                _ => {}
            }
        }
    }

    /// The client has not ended its part of it.
    #[inline(always)]
    unsafe fn is_in_handshake(&self) -> bool {
        unsafe {
            let asker = if self.asks() { self.stream } else { self.other };
            (*asker).part & FINISHED == 0
        }
    }

    #[inline(always)]
    unsafe fn data(&mut self, len: u64) {
        unsafe {
            if self.is_in_handshake() {
                // Of TLS 1.3.
                return;
            }
            self.keep(len, 0);
            if len == ALERT_13 {
                return self.unasked_record();
            }
            let carried = len.wrapping_sub(u64::from((*records(self.stream)).overhead));
            let hello = records(if self.asks() { self.stream } else { self.other });
            if carried == SETTINGS_ACK && (*hello).flags == tls::OFFERS_HTTP2 {
                self.is_http2(hello);
            }
            if (*hello).flags & tls::HTTP2 != 0 && tls::is_control(carried) {
                if self.asks() && carried != SETTINGS_ACK && (*self.exchange).kinds == 0 {
                    // Or HEADERS of fields that are all in the table: an answer tells.
                    (*self.exchange).kinds = CANDIDATE | u64::from(self.now);
                }
                return self.unasked_record();
            }
            if self.asks() { self.data_asked() } else { self.data_answered(len) }
        }
    }

    /// Keeps the record that has begun: its length, and when it came.
    #[inline(always)]
    unsafe fn keep(&mut self, len: u64, alert: u16) {
        unsafe {
            let (stream, exchange) = (self.stream, self.exchange);
            let kept = records(stream);
            let at = opaque(u64::from((*kept).count)) & (TLS_RECORDS as u64 - 1);
            let newest = (&raw mut (*kept).newest).cast::<TlsRecord>().add(at as usize);
            (*newest).at = self.now;
            (*newest).len = len as u16 & !TLS_ALERT | alert;
            (*newest).order = (*exchange).base as u16;
            (*exchange).base = (*exchange).base.wrapping_add(1);
            (*kept).count = (*kept).count.wrapping_add(1);
            (*stream).ends |= KEPT;
        }
    }

    /// What has passed by now is the client's preface and both SETTINGS, and perhaps a first request.
    #[inline(always)]
    unsafe fn is_http2(&mut self, hello: *mut TlsRecords) {
        unsafe {
            (*hello).flags |= tls::HTTP2;
            let exchange = self.exchange;
            // The acknowledgment itself is the newest record of its side.
            let is_more = is_more_than_settings(self.stream, 1);
            let is_more_there = is_more_than_settings(self.other, 0);
            (*exchange).begun = u32::from(if self.asks() { is_more } else { is_more_there });
            (*exchange).answered = u32::from(is_more && is_more_there);
            (*exchange).reuses = 0;
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
            (*exchange).kinds = 0;
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
            self.small_request();
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
            (*stream).ends |= RESPONSE;
        }
    }

    /// HTTP/2: what the server sends with nothing open answers a request that was as small as a control frame, if one
    /// came when the server was silent.
    #[inline(always)]
    unsafe fn small_request(&mut self) {
        unsafe {
            let exchange = self.exchange;
            let came = (*exchange).kinds;
            (*exchange).kinds = 0;
            let since = (came as u32).wrapping_sub((*exchange).response_ended);
            let is_open = (*exchange).begun != (*exchange).answered;
            if came == 0 || is_open || ((*exchange).answered > 0 && since <= 1) {
                return;
            }
            let now = self.now;
            self.now = came as u32;
            (*self.other).started = self.now;
            self.request_begins();
            self.now = now;
        }
    }

    /// A record has passed in full.
    #[inline(always)]
    pub(super) unsafe fn record_ended(&mut self) {
        unsafe {
            let stream = self.stream;
            let what = (*stream).ends;
            (*stream).ends = 0;
            if what & RESPONSE != 0 {
                (*self.exchange).response_ended = self.now;
            }
            if what & KEPT != 0 {
                let kept = records(stream);
                let newest = opaque(u64::from((*kept).count).wrapping_sub(1)) & (TLS_RECORDS as u64 - 1);
                (*(&raw mut (*kept).newest).cast::<TlsRecord>().add(newest as usize)).at = self.now;
            }
        }
    }

    /// An alert that is not encrypted.
    #[inline(always)]
    pub(super) unsafe fn read_alert(&mut self) {
        unsafe {
            let stream = self.stream;
            let Some(word) = self.header::<2>() else { return };
            if (*records(stream)).alert == 0 {
                (*records(stream)).alert = word as u16;
            }
            (*stream).state = state::RECORD;
            self.record_ended();
        }
    }
}

/// More has passed in this direction, without the newest `but` records, than what HTTP/2 begins with.
#[inline(always)]
unsafe fn is_more_than_settings(stream: *mut Stream, but: u32) -> bool {
    unsafe {
        let kept = records(stream);
        let before = (*kept).count.wrapping_sub(but);
        let first = u64::from((*kept).newest[0].len).wrapping_sub(u64::from((*kept).overhead));
        before > 1 || (before == 1 && first > LONGEST_SETTINGS)
    }
}

/// What is kept of a direction's records lies in its window of heads, which TLS does not use for heads.
#[inline(always)]
#[allow(clippy::cast_ptr_alignment, reason = "a stream's head lies at a multiple of eight bytes")]
pub(super) unsafe fn records(stream: *mut Stream) -> *mut TlsRecords {
    unsafe { (&raw mut (*stream).head).cast::<TlsRecords>() }
}
