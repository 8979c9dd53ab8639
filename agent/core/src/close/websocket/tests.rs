use crate::{
    close::{
        ClosedConnection, Facts,
        sample::{GET, Talk, classified, client, server},
    },
    labels::{Basis, Protocol},
};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const TEXT: &[u8] = b"\x81\x05hello";
const MASKED_TEXT: &[u8] = b"\x81\x85\0\0\0\0hello";
const PING: &[u8] = b"\x89\0";
const GOING_AWAY: &[u8] = b"\x88\x06\x03\xe9away";
const BROKEN: &[u8] = b"\x88\x02\x03\xf3";
const PING_TIMEOUT: &[u8] = b"\x88\x18\x03\xf3keepalive ping timeout";
const MASKED_NORMAL: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

fn upgraded(talk: Talk) -> Talk {
    talk.asks(GET).waits(1).answers(SWITCH).waits(1).answers_raw(TEXT).waits(1).asks_raw(MASKED_TEXT)
}

fn summary(facts: &Facts) -> String {
    let ClosedConnection { verdict, code, close_type, cause, confidence, in_flight, .. } = classified(facts);
    format!("{verdict} {code} {close_type} {cause} {confidence} {}", in_flight.unwrap_or(99))
}

fn by_server(talk: impl Fn(Talk) -> Talk) -> [String; 2] {
    [summary(&talk(server()).closes()), summary(&talk(client()).gets_fin())]
}

fn by_client(talk: impl Fn(Talk) -> Talk) -> [String; 2] {
    [summary(&talk(client()).closes()), summary(&talk(server()).gets_fin())]
}

fn both(all: &str) -> [String; 2] {
    [all.to_owned(), all.to_owned()]
}

#[test]
fn a_close_frame_names_who_began_the_end_whoever_closes_then() {
    let normal = |talk: Talk| {
        upgraded(talk).waits(250).asks_raw(MASKED_NORMAL).waits(1).answers_raw(b"\x88\0").waits(1)
    };
    assert_eq!(by_server(normal), both("completed CT fin announced exact 0"));
    assert_eq!(by_client(normal), both("completed CT fin announced exact 0"));
    let close = classified(&normal(server()).closes());
    assert_eq!((close.protocol, close.basis), (Some(Protocol::Websocket), Basis::Http));
    let websocket = close.websocket.expect("frames");
    assert_eq!(websocket.client.close.map(|frame| frame.code), Some(1000));
    // The close frame ends no silence.
    assert_eq!(close.silent, Some(1.0));
    assert_eq!(websocket.data_silent, Some(1.0));
    assert!(
        close.evidence[1].starts_with("the client's close frame came first, 0.008 s before: 1000"),
        "{:?}",
        close.evidence
    );

    let stops = |talk: Talk| upgraded(talk).waits(250).answers_raw(GOING_AWAY);
    assert_eq!(by_server(stops), both("completed ST fin shutdown exact 0"));
    assert_eq!(by_client(stops), both("completed ST fin shutdown exact 0"));
    let fails = |talk: Talk| upgraded(talk).waits(250).answers_raw(BROKEN);
    assert_eq!(by_server(fails), both("tunnel-end ST fin server-error exact 0"));
    let pings = |talk: Talk| upgraded(talk).waits(250).answers_raw(PING_TIMEOUT);
    assert_eq!(by_server(pings), both("tunnel-end ST fin heartbeat-timeout exact 0"));
}

#[test]
fn a_cut_is_reported_as_what_it_was() {
    let silent = |talk: Talk| upgraded(talk).waits(250);
    assert_eq!(by_server(silent), both("tunnel-end ST fin unknown exact 0"));
    let close = classified(&silent(server()).closes());
    assert!(close.evidence.iter().any(|line| line.contains("(1006)")), "{:?}", close.evidence);
    let in_a_message = |talk: Talk| upgraded(talk).answers_raw(&TEXT[..4]).waits(3);
    assert_eq!(by_server(in_a_message), both("premature-hangup ST fin unknown exact 1"));
    assert_eq!(by_client(in_a_message), both("premature-hangup CT fin unknown exact 1"));
    let unanswered = |talk: Talk| upgraded(talk).waits(250).answers_raw(PING).waits(250);
    assert_eq!(by_server(unanswered), both("tunnel-end ST fin heartbeat-timeout probable 0"));
    // The other end's ping is no reason of this one's.
    assert_eq!(by_client(unanswered), both("tunnel-end CT fin unknown exact 0"));
}
