use whohungup_ebpf::exchange::{CONTINUED, HEAD_BYTES};
use zerocopy::FromZeros as _;

use super::*;

/// A server's socket: requests come in, responses go out, each message in one segment.
fn server(requests: &[&str], responses: &[&str]) -> Exchange {
    let mut exchange = Exchange::new_zeroed();
    exchange.protocol = HTTP;
    exchange.request_direction = IN;
    for (index, (direction, messages)) in [(IN, requests), (OUT, responses)].into_iter().enumerate() {
        let stream = &mut exchange.streams[index];
        stream.messages = messages.len() as u32;
        let Some(newest) = messages.last() else { continue };
        stream.start_seq = 1000;
        stream.end_seq = 1000 + newest.len() as u32;
        stream.head_len = newest.len().min(HEAD_BYTES) as u32;
        stream.head[..stream.head_len as usize]
            .copy_from_slice(&newest.as_bytes()[..stream.head_len as usize]);
        stream.tail = newest.bytes().fold(0, |tail, byte| tail << 8 | u64::from(byte));
        exchange.last_direction = direction;
    }
    exchange.answering = responses.len() as u32;
    if requests.len() > responses.len() {
        exchange.last_direction = IN;
    }
    exchange
}

fn phase(requests: &[&str], responses: &[&str]) -> Standing {
    let exchange = server(requests, responses);
    read(&exchange, Written { write_seq: exchange.streams[1].end_seq })
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn each_phase_is_told() {
    let cases: &[(&[&str], &[&str], Phase, u32)] = &[
        (&[GET], &[], Phase::Waiting, 1),
        (&["GET / HT"], &[], Phase::RequestHead, 1),
        (&["POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"], &[], Phase::RequestBody, 1),
        (&["POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"], &[], Phase::Waiting, 1),
        (&["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n"], &[], Phase::RequestBody, 1),
        (
            &["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n0\r\n\r\n"],
            &[],
            Phase::Waiting,
            1,
        ),
        (&[GET], &[OK], Phase::Idle, 0),
        (&[GET, GET], &[OK], Phase::Waiting, 1),
        (&[GET], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"], Phase::Response, 1),
        (&[GET], &["HTTP/1.1 200 O"], Phase::Response, 1),
        (&[GET], &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"], Phase::Response, 1),
        (
            &[GET],
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
            Phase::Idle,
            0,
        ),
        (&["HEAD / HTTP/1.1\r\n\r\n"], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 204 No Content\r\n\r\n"], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"], Phase::Tunnel, 0),
        (&["CONNECT a:1 HTTP/1.1\r\n\r\n"], &["HTTP/1.1 200 OK\r\n\r\n"], Phase::Tunnel, 0),
    ];
    for (requests, responses, want, in_flight) in cases {
        let got = phase(requests, responses);
        assert_eq!((got.phase, got.in_flight), (*want, Some(*in_flight)), "{requests:?} {responses:?}");
        assert!(got.exact, "{requests:?} {responses:?}");
    }
}

#[test]
fn an_early_answer_does_not_end_the_request() {
    let request = "POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab";
    assert_eq!(
        phase(&[request], &["HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"]).phase,
        Phase::RequestBody
    );
}

#[test]
fn an_interim_response_is_no_answer() {
    let request = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut exchange = server(&[request], &["HTTP/1.1 100 Continue\r\n\r\n"]);
    let written = Written { write_seq: exchange.streams[1].end_seq };
    assert_eq!(read(&exchange, written).phase, Phase::Waiting);
    exchange.streams[0].end_seq += 1;
    exchange.flags |= CONTINUED;
    assert_eq!(read(&exchange, written).phase, Phase::RequestBody);
}

#[test]
fn missing_bytes_are_counted() {
    let got = phase(&[GET], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"]);
    assert_eq!(got.missing, Some(7));
}

#[test]
fn what_the_server_wrote_counts_though_it_has_not_left() {
    let exchange = server(&[GET], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"]);
    let write_seq = exchange.streams[1].end_seq + 7;
    assert_eq!(read(&exchange, Written { write_seq }).phase, Phase::Idle);
}

#[test]
fn a_408_into_an_idle_connection_is_no_activity() {
    let mut exchange = server(&[GET], &[&format!("{OK}HTTP/1.1 408 Request Timeout\r\n\r\n")]);
    exchange.unasked = 1;
    exchange.before_unasked = 77;
    exchange.streams[1].last = 999;
    let got = read(&exchange, Written { write_seq: exchange.streams[1].end_seq });
    assert_eq!((got.phase, got.response_end, got.unasked_status), (Phase::Idle, Some(77), Some(408)));
    assert!(!got.announced);
}

#[test]
fn a_head_longer_than_the_capture_is_not_called_exact() {
    let long = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "a".repeat(HEAD_BYTES));
    let got = phase(&[&long], &[]);
    assert_eq!((got.phase, got.exact), (Phase::Waiting, false));
}

#[test]
fn an_announced_end_is_known_from_either_side() {
    assert!(phase(&["GET / HTTP/1.1\r\nConnection: close\r\n\r\n"], &[OK]).announced);
    assert!(phase(&[GET], &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"]).announced);
    let eof = phase(&[GET], &["HTTP/1.1 200 OK\r\n\r\nbody"]);
    assert!(eof.announced && eof.until_close && eof.phase == Phase::Idle);
    assert!(!phase(&[GET], &[OK]).announced);
}

#[test]
fn http2_is_recognised_and_not_guessed_at() {
    let got = phase(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], &[]);
    assert_eq!((got.phase, got.in_flight, got.requests), (Phase::Unknown, None, None));
}

#[test]
fn a_head_that_begins_in_tiny_pieces_after_an_answer_is_no_idle_connection() {
    let mut exchange = server(&[GET], &[OK]);
    exchange.flags |= CONTINUED;
    exchange.last_direction = IN;
    let written = Written { write_seq: exchange.streams[1].end_seq };
    exchange.streams[0].end_seq += 2;
    assert_eq!(read(&exchange, written).phase, Phase::Idle, "an empty line is noise");
    exchange.streams[0].end_seq += 1;
    let got = read(&exchange, written);
    assert_eq!((got.phase, got.in_flight, got.exact), (Phase::RequestHead, Some(1), false));
    exchange.unasked = 1;
    assert_eq!(read(&exchange, written).phase, Phase::Idle, "pipelined, and both answered");
}
