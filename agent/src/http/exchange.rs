//! Where the exchange on a socket stands, from what the HTTP tier recorded.

use whohungup_ebpf::exchange::{Exchange, GAP, HTTP, IN, OUT, PIPELINED, STARTED_LATE, Stream, TLS};

use super::head::{self, Body, Head, RequestHead, ResponseHead};
use crate::close::words::Phase;

/// What an HTTP/2 client sends first (RFC 9113 section 3.4), as far as it tells it from HTTP/1.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2";

/// Some clients send an empty line after a body (RFC 9112 section 2.2): noise, no request.
const CRLF: u64 = 2;

/// A TLS handshake turns twice; what the client sends after its Finished is data.
const TLS_HANDSHAKE_MESSAGES: u32 = 2;

/// How one exchange stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub phase: Phase,
    /// Requests begun and not fully answered; `None` when it cannot be known.
    pub in_flight: Option<u32>,
    /// Requests begun; `None` when they cannot be told apart (TLS).
    pub requests: Option<u32>,
    /// Every byte that decides was read: nothing pipelined, missing, cut off or encrypted.
    pub exact: bool,
    /// Encrypted: the phase comes from turns and record sizes.
    pub encrypted: bool,
    /// Either message of the newest exchange said that the connection ends with it.
    pub announced: bool,
    /// The response's body ends with the connection.
    pub until_close: bool,
    /// Response bytes that were promised and had not come; `Some(0)` for a missing last chunk.
    pub missing: Option<u64>,
    /// Jiffies of the newest response byte that was no noise, when one came.
    pub response_end: Option<u32>,
    /// Jiffies of the first byte of the newest request, when there was one.
    pub request_start: Option<u32>,
    /// Bytes of the newest request.
    pub request_bytes: u32,
    /// The newest request was not the first on the connection.
    pub reused: bool,
    /// A response that nobody had asked for came after the exchange was over, with this status.
    pub unasked_status: Option<u16>,
    pub keep_alive_timeout: Option<u32>,
    pub server: Option<String>,
    pub status: Option<u16>,
    /// A protocol that is recognised and not read.
    pub unread_protocol: Option<&'static str>,
}

/// Bytes on either side of the socket that the segments have not shown (yet).
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The socket's `write_seq`: what the process has written, sent or not.
    pub write_seq: u32,
}

/// Reads how `exchange` stands.
pub fn read(exchange: &Exchange, written: Written) -> Standing {
    let request = stream(exchange, exchange.request_direction);
    let response = stream(exchange, IN + OUT - exchange.request_direction);
    let responder_is_here = exchange.request_direction == IN;
    let mut standing = Standing {
        phase: Phase::Unknown,
        in_flight: None,
        requests: None,
        exact: exchange.flags & (GAP | PIPELINED) == 0,
        encrypted: exchange.protocol == TLS,
        announced: false,
        until_close: false,
        missing: None,
        response_end: (response.messages > 0).then_some(if exchange.unasked > 0 {
            exchange.before_unasked
        } else {
            response.last
        }),
        request_start: (request.messages > 0).then_some(request.started),
        request_bytes: request.end_seq.wrapping_sub(request.start_seq),
        reused: request.messages > 1 || exchange.flags & STARTED_LATE != 0,
        unasked_status: None,
        keep_alive_timeout: None,
        server: None,
        status: None,
        unread_protocol: None,
    };
    match exchange.protocol {
        HTTP => read_http(&mut standing, exchange, request, response, responder_is_here, written),
        _ => read_tls(&mut standing, exchange, request),
    }
    if standing.phase.is_in_flight() {
        standing.in_flight.get_or_insert(1);
    } else if standing.phase != Phase::Unknown {
        standing.in_flight = Some(0);
    }
    standing
}

fn stream(exchange: &Exchange, direction: u8) -> &Stream {
    &exchange.streams[usize::from(direction & 1)]
}

fn captured(stream: &Stream) -> &[u8] {
    &stream.head[..(stream.head_len as usize).min(stream.head.len())]
}

fn read_tls(standing: &mut Standing, exchange: &Exchange, request: &Stream) {
    standing.exact = false;
    standing.reused = request.messages > TLS_HANDSHAKE_MESSAGES + 1;
    standing.phase = if request.messages < TLS_HANDSHAKE_MESSAGES {
        Phase::Unused
    } else if exchange.last_direction == exchange.request_direction {
        Phase::Waiting
    } else {
        Phase::Idle
    };
}

fn read_http(
    standing: &mut Standing,
    exchange: &Exchange,
    request: &Stream,
    response: &Stream,
    responder_is_here: bool,
    written: Written,
) {
    if captured(request).starts_with(HTTP2_PREFACE) {
        // Frames are not read: what is in flight is not known.
        standing.unread_protocol = Some("HTTP/2");
        standing.exact = false;
        return;
    }
    let missed = u32::from(exchange.flags & STARTED_LATE != 0);
    standing.requests = Some(request.messages + missed);
    let asked = (request.messages > 0).then(|| head::request(captured(request), is_cut(request)));
    let answered = response.messages > 0 && exchange.answering == request.messages;
    let request_phase = request_phase(standing, asked.as_ref(), request);
    if !answered {
        standing.phase = request_phase;
        return;
    }
    let beyond = asked.as_ref().is_some_and(|head| bytes_beyond(head, request) > CRLF);
    let asked = asked.as_ref().and_then(known);
    let end = if responder_is_here { newer(written.write_seq, response.end_seq) } else { response.end_seq };
    let response_phase = response_phase(standing, exchange, asked, response, end);
    standing.phase = match (request_phase, response_phase) {
        // 1xx: the final response is still to come. An early answer: the request is not over before
        // its body is (RFC 9112 section 9.3).
        (_, None) | (Phase::RequestHead | Phase::RequestBody, Some(Phase::Response | Phase::Idle)) => {
            request_phase
        }
        // More came from the client than the request that was answered, and no start of a message was
        // recognised in it: another one has begun in very small pieces, or came together with the first;
        // the latter was answered if a second response came.
        (_, Some(Phase::Idle)) if beyond => {
            standing.exact = false;
            if exchange.unasked == 0 { Phase::RequestHead } else { Phase::Idle }
        }
        (_, Some(phase)) => phase,
    };
}

/// Bytes of the request's stream past the end that its head tells; 0 where the head does not tell.
fn bytes_beyond(head: &Head<RequestHead>, request: &Stream) -> u64 {
    let seen = u64::from(request.end_seq.wrapping_sub(request.start_seq));
    match head {
        Head::Whole { head: RequestHead { body: Body::Length(length), .. }, len } => {
            seen.saturating_sub(u64::from(*len) + length)
        }
        Head::Whole { head: RequestHead { body: Body::None, method, .. }, len } if method != "CONNECT" => {
            seen.saturating_sub(u64::from(*len))
        }
        Head::Whole { .. } | Head::Cut(_) | Head::Partial | Head::Malformed => 0,
    }
}

/// Whether more of the message came than was captured.
fn is_cut(stream: &Stream) -> bool {
    stream.end_seq.wrapping_sub(stream.start_seq) > stream.head_len
}

fn known<T>(head: &Head<T>) -> Option<&T> {
    match head {
        Head::Cut(head) | Head::Whole { head, .. } => Some(head),
        Head::Partial | Head::Malformed => None,
    }
}

/// The phase as far as the request alone decides it.
fn request_phase(standing: &mut Standing, asked: Option<&Head<RequestHead>>, request: &Stream) -> Phase {
    let seen = u64::from(request.end_seq.wrapping_sub(request.start_seq));
    match asked {
        // The first request was missed, its response was seen.
        None => Phase::Waiting,
        Some(Head::Malformed) => {
            standing.exact = false;
            Phase::Waiting
        }
        Some(Head::Partial) => Phase::RequestHead,
        Some(Head::Cut(head)) => {
            standing.exact = false;
            standing.announced |= head.last;
            Phase::Waiting
        }
        Some(Head::Whole { head, len }) => {
            standing.announced |= head.last;
            let body = seen.saturating_sub(u64::from(*len));
            match head.body {
                // Before a 100 or the first byte the client may still go without (RFC 9110 section 10.1.1).
                _ if head.expects_continue && body == 0 => Phase::Waiting,
                Body::Length(length) if body < length => Phase::RequestBody,
                Body::Chunked if !last_chunk_came(request) => Phase::RequestBody,
                _ => Phase::Waiting,
            }
        }
    }
}

/// The phase as far as the response decides it; `None` for an interim response. `end` is one past
/// the last byte that the responder has written as far as this end can know.
fn response_phase(
    standing: &mut Standing,
    exchange: &Exchange,
    asked: Option<&RequestHead>,
    response: &Stream,
    end: u32,
) -> Option<Phase> {
    let mut bytes = captured(response);
    let mut start = response.start_seq;
    let mut interim = 0;
    loop {
        let cut = end.wrapping_sub(start) > bytes.len() as u32;
        let (head, len) = match head::response(bytes, cut) {
            Head::Partial => return Some(Phase::Response),
            Head::Malformed => {
                standing.exact = false;
                return Some(Phase::Idle);
            }
            Head::Cut(head) => {
                standing.exact = false;
                note_head(standing, &head);
                return Some(cut_response_phase(standing, asked, &head, response));
            }
            Head::Whole { head, len } => (head, len),
        };
        if (100..200).contains(&head.status) && head.status != 101 {
            bytes = &bytes[len as usize..];
            start = start.wrapping_add(len);
            interim += 1;
            if exchange.unasked <= interim {
                // What nobody had asked for is the final response.
                standing.response_end = Some(response.last);
            }
            if bytes.is_empty() && end == start {
                return None;
            }
            continue;
        }
        note_head(standing, &head);
        let came = u64::from(end.wrapping_sub(start)).saturating_sub(u64::from(len));
        let whole = match body_of(asked, &head) {
            Body::None => {
                if is_tunnel(asked, &head) {
                    return Some(Phase::Tunnel);
                }
                0
            }
            Body::Length(length) if came < length => {
                standing.missing = Some(length - came);
                return Some(Phase::Response);
            }
            Body::Length(length) => length,
            Body::Chunked if exchange.unasked <= interim && !last_chunk_came(response) => {
                standing.missing = Some(0);
                return Some(Phase::Response);
            }
            Body::UntilClose => {
                standing.until_close = true;
                return Some(Phase::Idle);
            }
            Body::Chunked | Body::Unsaid => return Some(Phase::Idle),
        };
        let beyond = bytes.get(len as usize + whole as usize..).unwrap_or_default();
        let unasked = known(&head::response(beyond, true)).map(|head| head.status);
        standing.unasked_status = unasked.filter(|status| *status >= 100);
        return Some(Phase::Idle);
    }
}

fn note_head(standing: &mut Standing, head: &ResponseHead) {
    standing.announced |= head.last;
    standing.status = Some(head.status);
    standing.keep_alive_timeout = head.keep_alive_timeout;
    standing.server.clone_from(&head.server);
}

/// A response whose head is longer than what is captured: its end is guessed, except where the
/// captured part already says how long the body is.
fn cut_response_phase(
    standing: &mut Standing,
    asked: Option<&RequestHead>,
    head: &ResponseHead,
    response: &Stream,
) -> Phase {
    let seen = u64::from(response.end_seq.wrapping_sub(response.start_seq));
    match body_of(asked, head) {
        Body::None if is_tunnel(asked, head) => Phase::Tunnel,
        // Head and body together are not even as long as the body should be.
        Body::Length(length) if seen < length => {
            standing.missing = Some(length - seen);
            Phase::Response
        }
        Body::Chunked if !last_chunk_came(response) => {
            standing.missing = Some(0);
            Phase::Response
        }
        _ => Phase::Idle,
    }
}

fn body_of(asked: Option<&RequestHead>, head: &ResponseHead) -> Body {
    match asked.map(|asked| asked.method.as_str()) {
        Some("HEAD") => Body::None,
        Some("CONNECT") if (200..300).contains(&head.status) => Body::None,
        _ => head.body,
    }
}

fn is_tunnel(asked: Option<&RequestHead>, head: &ResponseHead) -> bool {
    head.status == 101
        || ((200..300).contains(&head.status) && asked.is_some_and(|asked| asked.method == "CONNECT"))
}

/// The newest bytes are those that end a chunked message (RFC 9112 section 7.1): the last chunk and
/// the empty line, or a trailer's empty line.
fn last_chunk_came(stream: &Stream) -> bool {
    stream.tail & 0xff_ffff_ffff == u64::from_be_bytes(*b"\0\0\x000\r\n\r\n")
        || stream.tail & 0xffff_ffff == u64::from_be_bytes(*b"\0\0\0\0\r\n\r\n")
}

/// The later of two sequence numbers.
fn newer(a: u32, b: u32) -> u32 {
    if (a.wrapping_sub(b) as i32) > 0 { a } else { b }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
