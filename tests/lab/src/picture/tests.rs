//! What is in a picture, and that it is a picture whatever came over the wire.

use serde_json::json;

use super::*;
use harness::Close;

use crate::{
    truth::Side::{Client, Server},
    wiretap::flow::tests::Hand,
};

const GET: &str = "GET /x HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello world\n";

fn served() -> Hand {
    Hand::new().says(Client, GET).wait(0.002).says(Server, OK)
}

fn notes(at: Moment) -> Notes {
    Notes {
        title: "A title".to_owned(),
        client: "undici".to_owned(),
        server: "Node 20".to_owned(),
        remarks: vec![Remark { at, text: "keepAliveTimeout 5 s + 1 s".to_owned() }],
    }
}

fn plain(hand: &Hand) -> String {
    draw(&hand.flow, &Notes::default(), [None, None])
}

/// The texts from top to bottom, as they were drawn.
fn texts(svg: &str) -> Vec<String> {
    let pieces =
        svg.split("<text ").skip(1).filter_map(|piece| piece.split_once('>')?.1.split_once("</text>"));
    pieces.map(|(text, _)| text.to_owned()).collect()
}

fn has(svg: &str, wanted: &str) -> bool {
    texts(svg).iter().any(|text| text == wanted)
}

/// Every element is closed, in the order in which they were opened.
fn is_well_formed(svg: &str) -> bool {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1).filter_map(|piece| piece.split_once('>')).map(|(tag, _)| tag) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    open.is_empty()
}

#[test]
fn an_idle_close_shows_messages_quiet_times_phases_and_who_hung_up() {
    let hand = served().wait(5.997).fin(Server).fin(Client);
    let svg = draw(&hand.flow, &notes(Moment::LastQuiet), [None, None]);
    for text in [
        "A title",
        "undici",
        "Node 20",
        "GET /x",
        "200 OK, 12 B",
        "5.999 s: idle",
        "keepAliveTimeout 5 s + 1 s",
        "FIN",
        "hung up first",
        "waiting",
        "nothing was reported",
        "server-idle",
    ] {
        assert!(has(&svg, text), "{text} is not in {:?}", texts(&svg));
    }
    let order = |wanted: &str| texts(&svg).iter().rposition(|text| text == wanted);
    assert!(order("5.999 s: idle") < order("keepAliveTimeout 5 s + 1 s"));
    assert!(is_well_formed(&svg), "{svg}");
}

#[test]
fn a_late_request_says_whether_it_acknowledges_the_fin() {
    let closed = served().wait(1.0).fin(Server);
    let stale = plain(&closed.clone().throws(Client, GET).rst(Server));
    assert!(has(&stale, "GET /x (acknowledges the FIN)") && has(&stale, "stale"), "{:?}", texts(&stale));
    let crossed = plain(&closed.throws_blind(Client, GET, 1).rst(Server));
    assert!(has(&crossed, "GET /x (does not acknowledge the FIN)") && has(&crossed, "crossed"));
}

#[test]
fn a_refusal_and_a_half_close_are_not_called_hanging_up() {
    let stopped = plain(&Hand::new().says(Client, GET).fin(Client).wait(0.3).says(Server, OK).fin(Server));
    assert!(has(&stopped, "stopped sending") && !has(&stopped, "hung up first"));
    let mut refused = Hand::new();
    refused.flow.segments.truncate(1);
    let refused = plain(&refused.rst(Server));
    assert!(has(&refused, "refused") && has(&refused, "connect-failed"));
}

#[test]
fn pieces_of_one_message_are_one_row() {
    let mut hand =
        Hand::new().says(Client, GET).says(Server, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n");
    for _ in 0..20 {
        hand = hand.says(Server, &"y".repeat(1000));
    }
    let svg = plain(&hand.wait(1.0).fin(Client));
    assert!(has(&svg, "200 OK + 20.0 kB in 21 segments"), "{:?}", texts(&svg));
    assert!(has(&svg, "1.002 s: response"), "{:?}", texts(&svg));
}

#[test]
fn a_long_connection_is_cut_in_the_middle_and_keeps_who_hung_up() {
    let mut hand = Hand::new();
    for _ in 0..300 {
        hand = hand.says(Client, GET).says(Server, OK);
    }
    let svg = plain(&hand.wait(1.0).fin(Server).fin(Client));
    let arrows = svg.matches("<polygon").count();
    assert!((20..=40).contains(&arrows), "{arrows}");
    let left_out =
        texts(&svg).iter().any(|text| text.starts_with("\u{2026} 5") && text.ends_with("segments"));
    assert!(left_out && has(&svg, "hung up first"), "{:?}", texts(&svg));
}

#[test]
fn what_came_from_the_wire_stays_text() {
    let evil = "GET /<script>alert(1)</script>&\u{1}\"'> HTTP/1.1\r\n\r\n";
    let hand = Hand::new().says(Client, evil).says(Server, "\u{0}<svg onload=x>").fin(Client);
    let said = Close::sample(&[("evidence", json!(["</text><script>"])), ("cause", json!("<b>"))]);
    let svg = draw(&hand.flow, &Notes::default(), [None, Some(&said)]);
    assert!(!svg.contains("<script") && !svg.contains("<svg onload") && !svg.contains("<b>"), "{svg}");
    assert!(is_well_formed(&svg) && svg.chars().all(|c| c == '\n' || !c.is_control()), "{svg}");
}

#[test]
fn both_ends_words_stand_below() {
    let hand = served().wait(1.0).throws(Client, GET).rst(Server);
    let client = Close::sample(&[
        ("verdict", json!("idle-race")),
        ("race", json!("unread")),
        ("retried", json!(true)),
        ("closed_by", json!({"pid": 9, "comm": "node", "exiting": true, "signal": 9})),
    ]);
    let svg = draw(&hand.flow, &notes(Moment::HungUp), [Some(&client), Some(&Close::sample(&[]))]);
    for text in ["the capture", "unread", "unread*", "node [9], signal 9", "nginx [7]", "premature-hangup"] {
        assert!(has(&svg, text), "{text} is not in {:?}", texts(&svg));
    }
}

#[test]
fn a_document_needs_nothing_besides_itself() {
    let svg = plain(&served());
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(svg.contains("prefers-color-scheme: dark") && !svg.contains("url(") && !svg.contains("href"));
    assert!(has(
        &draw(&served().flow, &notes(Moment::LastQuiet), [None, None]),
        "keepAliveTimeout 5 s + 1 s"
    ));
}
