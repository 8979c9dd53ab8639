//! Whether a request that is sent again is the same one: only what names one request proves it.

use crate::http;

/// Names one operation, whatever its body (draft-ietf-httpapi-idempotency-key-header).
const OPERATION: &str = "idempotency-key";
/// Names a request of a client, or everything that comes of it: two items that are posted for one caller may share it.
const REQUEST: [&str; 6] = [
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "traceparent",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
];
/// A shorter value is a counter, or a constant.
const SHORTEST: usize = 8;

/// Whether two requests with this head are one: it names an operation; or it asks for something by name without a body, so
/// that whoever asks again gets the same.
pub(super) fn is_named(head: &[u8]) -> bool {
    let names = |field: &str| {
        http::request_field(head, field).is_some_and(|value| value.trim_ascii().len() >= SHORTEST)
    };
    let asks_only = head.starts_with(b"GET ") || head.starts_with(b"HEAD ");
    names(OPERATION) || asks_only && REQUEST.into_iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_one_request_is_a_name() {
        for (head, want) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nX-Request-ID: 7d1c52e04a9b\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nX-Request-ID: 1\r\n\r\n", false),
            ("POST /items HTTP/1.1\r\nX-Request-ID: 7d1c52e04a9b\r\nContent-Length: 4\r\n\r\n", false),
            ("POST /items HTTP/1.1\r\nIdempotency-Key: 7d1c52e04a9b\r\nContent-Length: 4\r\n\r\n", true),
            // Not in what is kept of the head.
            ("POST /items HTTP/1.1\r\nIdempotency-K", false),
        ] {
            assert_eq!(is_named(head.as_bytes()), want, "{head}");
        }
    }
}
