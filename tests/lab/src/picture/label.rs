//! What one segment's payload is, in a few words.

const LABEL_CHARS: usize = 46;
/// The names of the frames that matter (RFC 9113 section 6).
const FRAMES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the connection speaks, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Http1,
    Http2,
    Tls,
    Other,
}

impl Speech {
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            [0x16, 3, ..] => Self::Tls,
            _ if first.starts_with(b"PRI * HTTP/2") => Self::Http2,
            [b'A'..=b'Z', ..] => Self::Http1,
            _ => Self::Other,
        }
    }
}

/// The words for a payload, or `None` when it only goes on with what was begun.
pub(super) fn head(speech: Speech, payload: &[u8]) -> Option<String> {
    match speech {
        Speech::Http1 => message(payload),
        Speech::Http2 => frames(payload),
        Speech::Tls => record(payload).map(|what| format!("TLS {what}, {}", size(payload.len()))),
        Speech::Other => None,
    }
}

/// The start line of a message, without the protocol's version.
fn message(payload: &[u8]) -> Option<String> {
    let line = payload.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let line = String::from_utf8_lossy(line);
    let has_head_end = payload.windows(4).position(|window| window == b"\r\n\r\n");
    let body = has_head_end.map_or(0, |at| payload.len() - at - 4);
    let what = if let Some(status) = line.strip_prefix("HTTP/1.") {
        status.split_once(' ').map_or(status, |(_, status)| status).to_owned()
    } else {
        let method = line.split(' ').next().unwrap_or_default();
        let is_method =
            (2..=16).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_method {
            return None;
        }
        line.rsplit_once(" HTTP/").map_or(line.as_ref(), |(what, _)| what).to_owned()
    };
    let what = super::svg::short(&what, LABEL_CHARS);
    Some(match (has_head_end, body) {
        (None, _) => format!("{what} (a part of the head)"),
        (Some(_), 0) => what,
        (Some(_), body) => format!("{what}, {}", size(body)),
    })
}

/// The frames that begin in it; the payload of one has to end with the segment's.
fn frames(payload: &[u8]) -> Option<String> {
    let mut rest = payload.strip_prefix(PREFACE).unwrap_or(payload);
    let mut names = Vec::new();
    while let Some((&[a, b, c, kind, _, s0, s1, s2, s3], after)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        let name = FRAMES.get(usize::from(kind))?;
        names.push(if stream == 0 { (*name).to_owned() } else { format!("{name} {stream}") });
        rest = after.get(length..).unwrap_or_default();
    }
    if names.is_empty() { None } else { Some(super::svg::short(&names.join(", "), LABEL_CHARS)) }
}

fn record(payload: &[u8]) -> Option<&'static str> {
    match payload {
        [0x14, 3, ..] => Some("change of cipher"),
        [0x15, 3, ..] => Some("alert"),
        [0x16, 3, ..] => Some("handshake"),
        [0x17, 3, ..] => Some("data"),
        _ => None,
    }
}

/// Bytes, as people say it.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Seconds, as people say it.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.3} s"),
        _ if seconds >= 0.01 => format!("{:.0} ms", seconds * 1e3),
        _ => format!("{:.2} ms", seconds * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_by_their_first_line() {
        let head = |payload: &str| head(Speech::Http1, payload.as_bytes());
        assert_eq!(head("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(), "GET /a?b");
        assert_eq!(head("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap(), "200 OK, 2 B");
        assert_eq!(head("POST / HTTP/1.1\r\nContent-").unwrap(), "POST / (a part of the head)");
        assert_eq!(head("and so on"), None);
    }

    #[test]
    fn frames_and_records_are_named() {
        let bytes = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2, 1, 4, 0, 0, 0, 3, 1, 2]].concat();
        assert_eq!(Speech::of(&bytes), Speech::Http2);
        assert_eq!(head(Speech::Http2, &bytes).unwrap(), "SETTINGS, HEADERS 3");
        assert_eq!(head(Speech::Tls, &[0x15, 3, 3, 0, 2, 1, 0]).unwrap(), "TLS alert, 7 B");
        assert_eq!(head(Speech::Other, b"x"), None);
    }

    #[test]
    fn sizes_and_times_are_short() {
        assert_eq!([size(12), size(65_483), size(20_000_000)], ["12 B", "65.5 kB", "20.0 MB"]);
        assert_eq!([duration(5.998), duration(0.15), duration(0.0004)], ["5.998 s", "150 ms", "0.40 ms"]);
    }
}
