//! Message heads, by httparse, from bytes that may be cut off.

/// Header lines that are looked at; a head with more is treated as cut off.
const MAX_HEADERS: usize = 64;

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Length(u64),
    Chunked,
    /// It ends with the connection; only responses.
    UntilClose,
    /// The head was cut off before it said.
    Unsaid,
}

/// What a head's bytes allow to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head<T> {
    /// The empty line has not come yet; all bytes that came were captured.
    Partial,
    /// Longer than what is captured; what it began with is known.
    Cut(T),
    /// Whole, `len` bytes.
    Whole { head: T, len: u32 },
    /// No HTTP/1 head.
    Malformed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestHead {
    pub method: String,
    pub body: Body,
    /// `Connection: close`, or HTTP/1.0 without keep-alive.
    pub last: bool,
    pub expects_continue: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResponseHead {
    pub status: u16,
    /// As the response itself says, for a request that is not HEAD or CONNECT.
    pub body: Body,
    /// `Connection: close`, or HTTP/1.0 without keep-alive.
    pub last: bool,
    /// `Keep-Alive: timeout=`, seconds.
    pub keep_alive_timeout: Option<u32>,
    pub server: Option<String>,
}

/// Header fields that matter here.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    keep_alive_timeout: Option<u32>,
    server: Option<String>,
}

impl Fields {
    fn read(headers: &[httparse::Header<'_>]) -> Self {
        let mut fields = Self::default();
        for header in headers.iter().filter(|header| !header.name.is_empty()) {
            let value = String::from_utf8_lossy(header.value);
            let has = |token: &str| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token));
            match header.name.to_ascii_lowercase().as_str() {
                "content-length" => fields.length = value.trim().parse().ok(),
                "transfer-encoding" => fields.chunked |= has("chunked"),
                "connection" => {
                    fields.close |= has("close");
                    fields.keep_alive |= has("keep-alive");
                }
                "expect" => fields.expects_continue |= has("100-continue"),
                "keep-alive" => {
                    fields.keep_alive_timeout = value
                        .split(',')
                        .filter_map(|part| part.trim().strip_prefix("timeout="))
                        .find_map(|seconds| seconds.parse().ok());
                }
                "server" => fields.server = Some(value.trim().chars().take(64).collect()),
                _ => {}
            }
        }
        fields
    }

    fn body(&self, otherwise: Body, whole: bool) -> Body {
        if self.chunked {
            Body::Chunked
        } else if let Some(length) = self.length {
            Body::Length(length)
        } else if whole {
            otherwise
        } else {
            Body::Unsaid
        }
    }

    fn last(&self, version: Option<u8>) -> bool {
        self.close || (version == Some(0) && !self.keep_alive)
    }
}

/// Reads a request head from the first bytes of a message; `cut` when more came than was captured.
pub(super) fn request(bytes: &[u8], cut: bool) -> Head<RequestHead> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let status = parsed.parse(bytes);
    let whole = match status {
        Ok(httparse::Status::Complete(len)) => Some(len as u32),
        Ok(httparse::Status::Partial) if !cut => return Head::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => None,
        Err(_) => return Head::Malformed,
    };
    let (method, version) = (parsed.method.unwrap_or_default().to_owned(), parsed.version);
    let fields = Fields::read(parsed.headers);
    let head = RequestHead {
        body: fields.body(Body::None, whole.is_some()),
        last: fields.last(version),
        expects_continue: fields.expects_continue,
        method,
    };
    whole.map_or(Head::Cut(head.clone()), |len| Head::Whole { head, len })
}

/// Reads a response head likewise.
pub(super) fn response(bytes: &[u8], cut: bool) -> Head<ResponseHead> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let whole = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => Some(len as u32),
        Ok(httparse::Status::Partial) if !cut => return Head::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => None,
        Err(_) => return Head::Malformed,
    };
    let (status, version) = (parsed.code.unwrap_or(0), parsed.version);
    let fields = Fields::read(parsed.headers);
    let body = match status {
        // RFC 9110 sections 15.2, 15.3.5, 15.4.5: never a body, whatever the fields say.
        100..=199 | 204 | 304 => Body::None,
        _ => fields.body(Body::UntilClose, whole.is_some()),
    };
    let head = ResponseHead {
        status,
        body,
        last: fields.last(version) || body == Body::UntilClose,
        keep_alive_timeout: fields.keep_alive_timeout,
        server: fields.server,
    };
    whole.map_or(Head::Cut(head.clone()), |len| Head::Whole { head, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<T>(head: Head<T>) -> (T, u32) {
        match head {
            Head::Whole { head, len } => (head, len),
            Head::Partial | Head::Cut(_) | Head::Malformed => panic!("not whole"),
        }
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let (head, len) = whole(request(b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\nbody", false));
        assert_eq!((head.body, head.last, len), (Body::Length(12), false, 39));
        let (head, _) = whole(request(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false));
        assert_eq!((head.body, head.last), (Body::None, true));
        let (head, _) = whole(request(b"GET / HTTP/1.0\r\n\r\n", false));
        assert!(head.last);
        let (head, _) = whole(request(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false));
        assert!(!head.last);
    }

    #[test]
    fn a_response_says_how_it_ends() {
        let (head, _) = whole(response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false));
        assert_eq!(head.body, Body::Chunked);
        let (head, _) = whole(response(b"HTTP/1.1 200 OK\r\n\r\n", false));
        assert_eq!((head.body, head.last), (Body::UntilClose, true));
        let (head, _) = whole(response(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false));
        assert_eq!(head.body, Body::None);
        let text =
            b"HTTP/1.1 200 OK\r\nServer: nginx\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n";
        let (head, _) = whole(response(text, false));
        assert_eq!((head.keep_alive_timeout, head.server.as_deref()), (Some(5), Some("nginx")));
    }

    #[test]
    fn a_head_in_pieces_is_partial_and_a_long_one_is_cut() {
        assert_eq!(request(b"GET / HT", false), Head::Partial);
        let Head::Cut(head) = request(b"GET / HTTP/1.1\r\nConnection: close\r\nCookie: aaaa", true) else {
            panic!("not cut")
        };
        assert_eq!((head.method.as_str(), head.body, head.last), ("GET", Body::Unsaid, true));
    }

    #[test]
    fn noise_is_no_head() {
        assert_eq!(request(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", false), Head::Malformed);
        assert_eq!(response(b"SSH-2.0-OpenSSH_9\r\n", false), Head::Malformed);
    }
}
