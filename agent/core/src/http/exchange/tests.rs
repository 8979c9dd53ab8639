use whohungup_ebpf::{exchange::HEAD_BYTES, framing::sample::follow};
use zerocopy::FromZeros as _;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A server's socket.
#[derive(Clone)]
struct Wire {
    exchange: Exchange,
    seqs: [u32; 2],
    now: u32,
}

impl Wire {
    fn new() -> Self {
        Self { exchange: Exchange::new_zeroed(), seqs: [u32::MAX - 20, 77], now: 0 }
    }

    /// Each piece is a segment, one tick after the one before.
    fn says(mut self, direction: u8, pieces: &[&str]) -> Self {
        for piece in pieces {
            self.now += 1;
            let seq = &mut self.seqs[usize::from(direction)];
            follow(&mut self.exchange, direction, *seq, piece.as_bytes(), self.now);
            *seq = seq.wrapping_add(piece.len() as u32);
        }
        self
    }

    fn asks(self, text: &str) -> Self {
        self.says(IN, &[text])
    }

    fn answers(self, text: &str) -> Self {
        self.says(OUT, &[text])
    }

    fn standing(&self) -> ExchangeState {
        read(
            &self.exchange,
            Written { write_seq: self.seqs[usize::from(OUT)], sent_seq: self.seqs[usize::from(OUT)] },
        )
    }
}

#[test]
fn each_phase_is_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    let put = "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nfoo\r\n";
    let cases: &[(&[&str], &[&str], Phase, u32)] = &[
        (&[GET], &[], Phase::Waiting, 1),
        (&["GET / HT"], &[], Phase::RequestHead, 1),
        (&["POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"], &[], Phase::RequestBody, 1),
        (&["POST / HTTP/1.1\r\ncontent-length:5 \r\n\r\nabcde"], &[], Phase::Waiting, 1),
        (&[put], &[], Phase::RequestBody, 1),
        (&[put, "0\r\n\r\n"], &[], Phase::Waiting, 1),
        (&[put, "0;last\r\nTrailer: 1\r\n", "\r\n"], &[], Phase::Waiting, 1),
        (&[GET], &[OK], Phase::Idle, 0),
        (&[GET, GET], &[OK], Phase::Waiting, 1),
        (&[GET, GET, "GET"], &[], Phase::Waiting, 3),
        (&["\r\n", GET], &[OK], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"], Phase::Response, 1),
        (&[GET], &["HTTP/1.1 200 O"], Phase::Response, 1),
        (&[GET], &[chunked], Phase::Response, 1),
        (&[GET], &[chunked, "0\r\n\r\n"], Phase::Idle, 0),
        (&["HEAD / HTTP/1.1\r\n\r\n"], &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 204 No Content\r\n\r\n"], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 103 Early Hints\r\n\r\n"], Phase::Waiting, 1),
        (&[GET], &["HTTP/1.1 103 Early Hints\r\n\r\n", OK], Phase::Idle, 0),
        (&[GET], &["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes"], Phase::Tunnel, 0),
        (&["CONNECT a:1 HTTP/1.1\r\n\r\n"], &["HTTP/1.1 200 OK\r\n\r\n"], Phase::Tunnel, 0),
    ];
    for (requests, responses, want, in_flight) in cases {
        let whole = Wire::new().says(IN, requests).says(OUT, responses).standing();
        let joined = Wire::new().asks(&requests.concat()).answers(&responses.concat()).standing();
        for got in [whole, joined] {
            let text = (got.phase, got.in_flight);
            assert_eq!(text, (*want, Some(*in_flight)), "{requests:?} {responses:?}");
            assert!(got.exact, "{requests:?} {responses:?}");
        }
    }
}

#[test]
fn an_early_answer_ends_the_exchange_and_says_where_the_request_stood() {
    let early = Wire::new()
        .asks("POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab")
        .answers("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((early.standing().phase, early.standing().in_flight), (Phase::Idle, Some(0)));
    assert_eq!(early.standing().answered_early, Some(Phase::RequestBody));
    assert_eq!(early.standing().request_body, Some(BodyProgress { came: 2, promised: 500 }));
    let all = early.asks(&"x".repeat(498)).standing();
    assert_eq!((all.phase, all.answered_early, all.request_body), (Phase::Idle, None, None));
}

#[test]
fn an_interim_response_is_no_answer() {
    let asked = Wire::new().asks("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(asked.standing().phase, Phase::Waiting, "it may go without a body yet");
    let asked_to_go_on = asked.answers("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(asked_to_go_on.standing().phase, Phase::RequestBody, "it was asked to go on");
    assert_eq!(asked_to_go_on.asks("x").standing().phase, Phase::RequestBody);
}

#[test]
fn missing_bytes_are_counted() {
    let cut = Wire::new().asks(GET).answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
    assert_eq!(cut.standing().missing, Some(7));
}

#[test]
fn what_the_server_wrote_counts_though_it_has_not_left() {
    let mut wire = Wire::new().asks(GET).answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
    wire.seqs[1] += 6;
    assert_eq!(wire.standing().missing, Some(1));
    wire.seqs[1] += 1;
    let got = wire.standing();
    assert_eq!((got.phase, got.answered), (Phase::Idle, Some(1)));
}

#[test]
fn of_a_response_that_has_hardly_begun_to_leave_nothing_is_certain() {
    // More segments than the congestion window takes, then a close.
    for sent in ["H", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let mut wire = Wire::new().asks(GET).answers(sent);
        assert!(wire.standing().exact, "all that was written has left");
        wire.seqs[1] += (OK.len() - sent.len()) as u32;
        let got = wire.standing();
        assert_eq!((got.phase, got.exact), (Phase::Idle, false), "{sent}");
    }
    let mut pipelined = Wire::new().asks(GET).asks(GET).answers(OK);
    pipelined.seqs[1] += OK.len() as u32;
    assert!(!pipelined.standing().exact);
}

#[test]
fn of_a_request_that_nobody_saw_nothing_is_certain() {
    let late = Wire::new().answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    assert!(!late.standing().exact, "it may have been a HEAD");
    assert!(!late.asks(GET).standing().exact, "it was, or this one did not wait");
    let next = Wire::new().answers(OK).asks(GET);
    assert_eq!((next.standing().phase, next.standing().exact), (Phase::Waiting, true));
    let body = Wire::new().answers("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").asks("x=1&y=2");
    assert!(is_read(&body.exchange) && !body.standing().exact, "the body of what was not seen is no request");
}

#[test]
fn a_408_into_an_idle_connection_is_no_activity() {
    let timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let served = Wire::new().asks(GET).answers(OK);
    let ended = served.standing().response_end;
    assert_eq!(ended, Some(2));
    let got = served.answers(timeout).standing();
    assert_eq!((got.phase, got.response_end, got.unasked_status), (Phase::Idle, ended, Some(408)));
    assert!(!got.announced);
    let together = Wire::new().asks(GET).answers(&format!("{OK}{timeout}")).standing();
    assert_eq!((together.phase, together.unasked_status), (Phase::Idle, Some(408)));
}

#[test]
fn a_head_longer_than_what_is_kept_is_followed_all_the_same() {
    for length in [HEAD_BYTES - 60, HEAD_BYTES, 3 * HEAD_BYTES, 20 * HEAD_BYTES] {
        let cookie = "a".repeat(length);
        let head = format!(
            "POST /{cookie} HTTP/1.1\r\nCookie: {cookie}\r\nContent-Length: 3\r\nX: {cookie}\r\n\r\n"
        );
        for size in [head.len(), 7, 130] {
            let mut wire = Wire::new();
            for piece in head.as_bytes().chunks(size) {
                wire = wire.asks(std::str::from_utf8(piece).expect("ascii"));
            }
            let got = wire.clone().asks("ab").standing();
            assert_eq!((got.phase, got.exact), (Phase::RequestBody, true), "{length} in pieces of {size}");
            let got = wire.asks("abc").answers(OK).standing();
            assert_eq!(
                (got.phase, got.exact, got.cut),
                (Phase::Idle, true, true),
                "{length} in pieces of {size}"
            );
        }
    }
}

#[test]
fn an_announced_end_is_known_from_either_side() {
    let announced =
        |request: &str, response: &str| Wire::new().asks(request).answers(response).standing().announced;
    assert!(announced("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", OK));
    assert!(announced("GET / HTTP/1.1\r\nConnection: Upgrade , Close\r\n\r\n", OK));
    assert!(announced("GET / HTTP/1.0\r\n\r\n", OK));
    assert!(!announced("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", OK));
    assert!(announced(GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    assert!(!announced(GET, OK));
    let eof = Wire::new().asks(GET).answers("HTTP/1.1 200 OK\r\n\r\nbody").standing();
    assert!(eof.until_close && eof.phase == Phase::Response, "{eof:?}");
}

#[test]
fn retransmissions_and_overlaps_are_no_news() {
    let mut wire = Wire::new().asks(GET);
    let start = wire.seqs[0].wrapping_sub(GET.len() as u32);
    follow(&mut wire.exchange, IN, start, GET.as_bytes(), 9);
    assert_eq!(wire.standing().in_flight, Some(1));
    // The last five bytes again, and a new request behind them.
    let overlapping = format!("{}{GET}", &GET[GET.len() - 5..]);
    let seq = wire.seqs[0].wrapping_sub(5);
    follow(&mut wire.exchange, IN, seq, overlapping.as_bytes(), 9);
    assert_eq!((wire.standing().in_flight, wire.standing().exact), (Some(2), true));
}

#[test]
fn a_hole_in_a_body_is_no_doubt_and_one_in_a_head_is() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n";
    let mut wire = Wire::new().asks(GET).answers(head);
    wire.seqs[1] += 10;
    let wire = wire.answers("0123456789");
    assert_eq!((wire.standing().missing, wire.standing().exact), (Some(10), true));
    let mut whole = wire;
    whole.seqs[1] += 10;
    let whole = whole.asks(GET).answers(OK);
    assert_eq!(
        (whole.standing().phase, whole.standing().exact),
        (Phase::Idle, true),
        "the end was in the hole"
    );
    let mut lost = Wire::new().asks(GET);
    lost.seqs[1] += 10;
    let lost = lost.answers(" OK\r\n\r\nbody");
    assert!(!lost.standing().exact);
    let found = lost.asks(GET).answers(OK).asks(GET);
    assert_eq!((found.standing().phase, found.standing().in_flight), (Phase::Waiting, Some(1)));
    assert!(!found.standing().exact, "what was missed may have counted");
}

#[test]
fn what_only_begins_like_http_is_not_read() {
    let smtp = Wire::new().asks("HELP me\r\n\r\n");
    assert!(!is_read(&smtp.exchange));
}

#[test]
fn http2_streams_are_counted() {
    let frame = |kind: u8, flags: u8, id: u8, payload: &str| {
        format!(
            "\0\0{}{}{}\0\0\0{}{payload}",
            payload.len() as u8 as char,
            kind as char,
            flags as char,
            id as char
        )
    };
    let preface = format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{}", frame(4, 0, 0, ""));
    let wire = Wire::new().asks(&preface).answers(&frame(4, 0, 0, "sixsix"));
    assert_eq!((wire.standing().phase, wire.standing().in_flight), (Phase::Unused, Some(0)));
    let half = wire.clone().asks(&frame(1, 5, 1, "headers")[..12]).standing();
    assert_eq!((half.phase, half.in_flight), (Phase::RequestHead, Some(1)));
    let wire = wire.asks(&frame(1, 5, 1, "headers")).asks(&frame(1, 4, 3, "headers"));
    assert_eq!((wire.standing().phase, wire.standing().in_flight), (Phase::RequestBody, Some(2)));
    let wire = wire.asks(&frame(0, 1, 3, "body")).answers(&frame(1, 4, 1, "headers"));
    assert_eq!((wire.standing().phase, wire.standing().in_flight), (Phase::Response, Some(2)));
    let ended = frame(0, 1, 1, "body");
    let (some, rest) = ended.split_at(11);
    let wire = wire.answers(some);
    assert_eq!(wire.standing().in_flight, Some(2), "the last frame is not whole");
    let wire = wire.answers(rest);
    assert_eq!((wire.standing().in_flight, wire.standing().answered), (Some(1), Some(1)));
    let wire = wire.asks(&frame(3, 0, 3, "code")).asks(&frame(6, 0, 0, "pingping"));
    assert_eq!((wire.standing().phase, wire.standing().in_flight), (Phase::Idle, Some(0)));
    assert_eq!(wire.standing().answered, Some(1), "the other was given up");
    assert!(wire.answers(&frame(7, 0, 0, "lastcode")).standing().goaway);
}

#[test]
fn an_empty_line_alone_asks_for_nothing() {
    let unused = Wire::new().asks("\r\n");
    assert!(is_read(&unused.exchange));
    assert_eq!((unused.standing().phase, unused.standing().in_flight), (Phase::Unused, Some(0)));
    let refused = unused.answers("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n").standing();
    assert_eq!((refused.phase, refused.announced, refused.unasked_status), (Phase::Unused, false, Some(408)));
}

#[test]
fn messages_in_the_wrong_direction_are_not_read() {
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let served = || Wire::new().asks(GET).answers(OK);
    assert!(!is_read(&served().answers(preface).exchange), "a server sends no preface");
    assert!(!is_read(&served().asks(preface).exchange), "nor does a client in the middle");
    assert!(!is_read(&served().asks(GET).answers(GET).exchange));
    assert!(!is_read(&served().asks(OK).exchange));
    let settings = "\0\0\0\u{4}\0\0\0\0\0";
    let late = Wire::new().answers(settings).asks("something else").answers(settings);
    assert!(!late.standing().exact, "the preface was missed");
}
