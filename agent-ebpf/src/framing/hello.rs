//! A TLS ClientHello (RFC 8446 section 4.1.2), read for one thing: whether it offers HTTP/2 (RFC 7301 section 3.1).

use super::{Cursor, Payload};
use crate::exchange::state;
use crate::tls_records::tls;

/// Type, length, version and random lie before the first field whose length is said.
pub(super) const FIRST_FIELD: u64 = 1 + 3 + 2 + 32;

/// application_layer_protocol_negotiation.
const ALPN: u64 = 16;

/// [`crate::exchange::Stream::line`]: the field that comes next.
mod field {
    pub(super) const SESSION_ID: u16 = 0;
    pub(super) const CIPHER_SUITES: u16 = 1;
    pub(super) const COMPRESSION: u16 = 2;
    pub(super) const EXTENSIONS: u16 = 3;
    pub(super) const EXTENSION: u16 = 4;
    pub(super) const NAMES: u16 = 5;
    pub(super) const NAME: u16 = 6;
}

impl<P: Payload> Cursor<P> {
    /// The record that holds it, of `len` bytes, begins: one that does not fit it is not read on.
    #[inline(always)]
    pub(super) unsafe fn hello_begins(&mut self, len: u64) {
        unsafe {
            let stream = self.stream;
            (*stream).state = state::HELLO;
            (*stream).line = field::SESSION_ID;
            (*stream).complete = len as u32;
            self.hello_passes(FIRST_FIELD);
        }
    }

    /// The next `len` bytes, or all that is left, are of no interest.
    #[inline(always)]
    unsafe fn hello_passes(&mut self, len: u64) {
        unsafe {
            let stream = self.stream;
            let left = u64::from((*stream).complete);
            let len = len.min(left);
            (*stream).complete = (left - len) as u32;
            (*stream).skip = len;
            if len == 0 {
                self.hello_passed();
            }
        }
    }

    /// What was to be skipped has passed.
    #[inline(always)]
    pub(super) unsafe fn hello_passed(&mut self) {
        unsafe {
            if (*self.stream).complete == 0 {
                (*self.stream).state = state::RECORD;
                self.record_ended();
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn read_hello(&mut self) {
        unsafe {
            let stream = self.stream;
            let at = (*stream).line;
            let len = match at {
                field::SESSION_ID | field::COMPRESSION => 1,
                field::CIPHER_SUITES | field::EXTENSIONS | field::NAMES => 2,
                field::EXTENSION => 4,
                _ => 3,
            };
            let left = u64::from((*stream).complete);
            if left < len {
                return self.hello_passes(left);
            }
            let Some(word) = self.bytes::<4>(len) else { return };
            (*stream).complete = (left - len) as u32;
            let first = word & 0xff;
            let (second, third, fourth) = (word >> 8 & 0xff, word >> 16 & 0xff, word >> 24 & 0xff);
            match at {
                field::SESSION_ID | field::COMPRESSION => {
                    (*stream).line = at + 1;
                    self.hello_passes(first);
                }
                field::CIPHER_SUITES => {
                    (*stream).line = at + 1;
                    self.hello_passes(first << 8 | second);
                }
                field::EXTENSIONS => {
                    (*stream).line = at + 1;
                    self.hello_passes(0);
                }
                field::EXTENSION if first << 8 | second == ALPN => {
                    (*stream).line = field::NAMES;
                    self.hello_passes(0);
                }
                field::EXTENSION => self.hello_passes(third << 8 | fourth),
                field::NAMES => {
                    (*stream).length = first << 8 | second;
                    (*stream).line = field::NAME;
                    self.hello_passes(0);
                }
                _ => self.name(first, second << 8 | third),
            }
        }
    }

    /// A name of `len` bytes that begins with the two of `begins`. No name is shorter ("h2", "h3"); at the end of the
    /// list the rest is of no interest.
    #[inline(always)]
    unsafe fn name(&mut self, len: u64, begins: u64) {
        unsafe {
            let stream = self.stream;
            let is_http2 = len == 2 && begins == u64::from(u16::from_be_bytes(*b"h2"));
            if is_http2 {
                (*super::tls::records(stream)).flags |= tls::OFFERS_HTTP2;
            }
            let list = (*stream).length;
            if is_http2 || len < 2 || list < len + 1 + 3 {
                return self.hello_passes(u64::from((*stream).complete));
            }
            (*stream).length = list - len - 1;
            self.hello_passes(len - 2);
        }
    }
}
