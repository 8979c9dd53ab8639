//! Messages that ask for nothing: a protocol's goodbye, or a TLS alert. Sent to a connection that has ended they are no lost
//! requests.

/// A TLS alert, or close_notify in a record of its own, is no longer than this (RFC 8446 section 6.1; 31 bytes with
/// TLS 1.2 AES-GCM).
pub(super) const MAX_TLS_ALERT_BYTES: u32 = 31;

/// Bytes of a message that are kept.
pub(super) const FIRST_BYTES: usize = 16;

/// Whether a message of `len` bytes that begins with `first` (zero-padded) asks for nothing.
pub(super) fn is_farewell(first: &[u8; FIRST_BYTES], len: u32) -> bool {
    let begins = |with: &[u8]| first.starts_with(with);
    match first {
        // TLS (RFC 8446 section 5.1): an alert, or an encrypted record no longer than one.
        [0x15 | 0x17, 3, 0..=4, ..] => len <= MAX_TLS_ALERT_BYTES,
        // MySQL: COM_QUIT, and COM_PING, which a pool sends to see whether the connection lives. PostgreSQL: Terminate, Sync.
        [1, 0, 0, 0, 0x01 | 0x0e, ..] | [b'X' | b'S', 0, 0, 0, 4, ..] => len == 5,
        // LDAP: unbind (RFC 4511 section 4.3).
        [0x30, 5, 2, 1, _, 0x42, 0, ..] => len == 7,
        // MQTT: PINGREQ, DISCONNECT.
        [0xc0 | 0xe0, 0, ..] => len == 2,
        _ => {
            // SMTP, POP3, FTP, memcached. Redis: QUIT, and PING, which a pool sends for the same reason; EXEC is as long.
            let says = |at: usize, word: &[u8]| {
                first.get(at..at + word.len()).is_some_and(|said| said.eq_ignore_ascii_case(word))
            };
            says(0, b"quit") && len <= 8
                || begins(b"*1\r\n$4\r\n") && (says(8, b"quit") || says(8, b"ping")) && len == 14
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &[u8]) -> bool {
        let mut first = [0; FIRST_BYTES];
        let kept = text.len().min(FIRST_BYTES);
        first[..kept].copy_from_slice(&text[..kept]);
        is_farewell(&first, text.len() as u32)
    }

    #[test]
    fn goodbyes_and_pings_ask_for_nothing() {
        let all: [&[u8]; 9] = [
            b"\x15\x03\x03\0\x1aabcdefghijklmnopqrstuvwxyz",
            b"\x17\x03\x03\0\x13abcdefghijklmnopqrs",
            b"\x01\0\0\0\x01",
            b"X\0\0\0\x04",
            b"QUIT\r\n",
            b"quit\r\n",
            b"*1\r\n$4\r\nQUIT\r\n",
            b"*1\r\n$4\r\nping\r\n",
            b"\x30\x05\x02\x01\x03\x42\0",
        ];
        for text in all {
            assert!(padded(text), "{text:?}");
        }
    }

    #[test]
    fn queries_ask_for_something_however_short() {
        let all: [&[u8]; 7] = [
            b"\x09\0\0\0\x03select 1",
            b"Q\0\0\0\x0dSELECT 1\0",
            b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
            b"get a\r\n",
            b"*1\r\n$4\r\nEXEC\r\n",
            b"QQQQQQQQQQQQQQ",
            b"\x17\x03\x03\0\x50abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        ];
        for text in all {
            assert!(!padded(text), "{text:?}");
        }
    }
}
