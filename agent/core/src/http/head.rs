//! What heads say, by httparse, from bytes that may be cut off.

/// Header lines that are looked at.
const MAX_HEADERS: usize = 64;
/// Characters of a `Server` field that are kept.
const MAX_SERVER: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ResponseWords {
    /// `Keep-Alive: timeout=`, seconds.
    pub keep_alive_timeout: Option<u32>,
    /// `Keep-Alive: max=`, requests.
    pub keep_alive_max: Option<u32>,
    pub server: Option<String>,
    /// `Upgrade: websocket`.
    pub is_websocket: bool,
}

/// Reads the whole header lines among the first bytes of a response.
pub(super) fn response(bytes: &[u8]) -> ResponseWords {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    // Cut off, too many or malformed further on: what was read before that stands.
    let _ = parsed.parse(bytes);
    let mut words = ResponseWords::default();
    for header in parsed.headers.iter().filter(|header| !header.name.is_empty()) {
        if header.name.eq_ignore_ascii_case("keep-alive") {
            let value = String::from_utf8_lossy(header.value);
            words.keep_alive_timeout = parameter(&value, "timeout");
            words.keep_alive_max = parameter(&value, "max");
        } else if header.name.eq_ignore_ascii_case("server") {
            words.server = Some(server(header.value));
        } else if header.name.eq_ignore_ascii_case("upgrade") {
            words.is_websocket = header.value.trim_ascii().eq_ignore_ascii_case(b"websocket");
        }
    }
    words
}

fn server(value: &[u8]) -> String {
    let plain = str::from_utf8(value.trim_ascii()).ok();
    let is_shown =
        |text: &&str| text.len() <= MAX_SERVER && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if let Some(text) = plain.filter(is_shown) {
        return text.to_owned();
    }
    let text = String::from_utf8_lossy(value);
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_SERVER).collect()
}

/// The value of a field among the first bytes of a request.
pub(crate) fn request_field<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let _ = parsed.parse(bytes);
    parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

fn parameter(value: &str, name: &str) -> Option<u32> {
    value
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .and_then(|(_, number)| number.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read() {
        let words = response(
            b"HTTP/1.1 200 OK\r\nServer: nginx\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n",
        );
        assert_eq!((words.keep_alive_timeout, words.keep_alive_max), (Some(5), Some(9)));
        assert_eq!(words.server.as_deref(), Some("nginx"));
    }

    #[test]
    fn a_head_that_is_cut_off_tells_what_it_holds() {
        let words =
            response(b"HTTP/1.1 200 OK\r\nServer: Apache\r\nKeep-Alive: timeout=5\r\nSet-Cookie: aaaa");
        assert_eq!((words.keep_alive_timeout, words.server.as_deref()), (Some(5), Some("Apache")));
        assert_eq!(response(b"HTTP/1.1 200 OK\r\nServer: half"), ResponseWords::default());
    }

    #[test]
    fn noise_tells_nothing() {
        assert_eq!(response(b"SSH-2.0-OpenSSH_9\r\n"), ResponseWords::default());
        assert_eq!(response(b""), ResponseWords::default());
    }
}
