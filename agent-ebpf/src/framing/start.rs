//! Which connections are followed: those that begin like HTTP or TLS.

use crate::exchange::{Exchange, HTTP, HTTP2, IN, NONE, OUT, STARTED_LATE, TLS};

/// What the first bytes of a message look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Request,
    Response,
    Tls,
    /// An HTTP/2 server that speaks first.
    Settings,
}

/// Tells whether a connection whose first segment of `len` bytes begins with `first` (zero-padded) is worth
/// following.
#[inline(always)]
#[must_use]
pub fn recognise(first: [u8; 8], len: u32) -> Option<Start> {
    let word = u32::from_be_bytes([first[0], first[1], first[2], first[3]]);
    match &word.to_be_bytes() {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PRI "
        | b"PROP" | b"MKCO" | b"COPY" | b"MOVE" | b"LOCK" | b"UNLO" | b"SEAR" | b"REPO" | b"PURG"
        | b"QUER" | b"\r\nGE" | b"\r\nPO" | b"\r\nPU" | b"\r\nHE" => Some(Start::Request),
        b"HTTP" => Some(Start::Response),
        [0x16, 0x03, 0x00..=0x04, _] => Some(Start::Tls),
        // A SETTINGS frame of at most 255 bytes on stream 0.
        [0, 0, _, 4] if first[4] == 0 && len >= 9 => Some(Start::Settings),
        // The first bytes of a method, alone.
        [b'G' | b'P' | b'H' | b'D' | b'O' | b'C' | b'T', 0, 0, 0] if len == 1 => Some(Start::Request),
        b"GE\0\0" | b"PO\0\0" | b"PU\0\0" | b"PA\0\0" | b"PR\0\0" | b"HE\0\0" | b"DE\0\0" | b"OP\0\0"
        | b"CO\0\0" | b"TR\0\0" | b"\r\n\0\0"
            if len == 2 =>
        {
            Some(Start::Request)
        }
        b"GET\0" | b"POS\0" | b"PUT\0" | b"HEA\0" | b"DEL\0" | b"OPT\0" | b"PAT\0" | b"CON\0" | b"TRA\0"
        | b"PRI\0"
            if len == 3 =>
        {
            Some(Start::Request)
        }
        b"HT\0\0" if len == 2 => Some(Start::Response),
        b"HTT\0" if len == 3 => Some(Start::Response),
        _ => None,
    }
}

/// Initialises zeroed storage for a connection whose first message is `start`, in `direction`.
///
/// # Safety
/// `exchange` must be writable.
#[inline(always)]
pub unsafe fn begin(exchange: *mut Exchange, start: Start, direction: u8) {
    unsafe {
        (*exchange).last_direction = NONE;
        (*exchange).protocol = match start {
            Start::Tls => TLS,
            Start::Settings => HTTP2,
            Start::Request | Start::Response => HTTP,
        };
        let answers = matches!(start, Start::Response | Start::Settings);
        (*exchange).request_direction = if answers { IN + OUT - direction } else { direction };
        if start == Start::Response {
            (*exchange).flags |= STARTED_LATE;
            (*exchange).begun = 1;
        }
    }
}
