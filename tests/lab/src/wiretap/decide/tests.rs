//! Flows written by hand, each with what it proves.

use super::{
    super::flow::{Segment, tests::Hand},
    *,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PART: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok";
use Side::{Client, Server};

fn served() -> Hand {
    Hand::new().says(Client, GET).says(Server, OK)
}

fn truth(hand: &Hand) -> Truth {
    decide(&hand.flow, Script::default())
        .unwrap_or_else(|why| panic!("undecided: {why}: {:#?}", hand.flow.segments))
}

fn shown(hand: &Hand) -> (String, &'static str, u32) {
    let truth = truth(hand);
    (truth.code(), truth.word(), truth.in_flight)
}

fn why_not(hand: &Hand) -> &'static str {
    decide(&hand.flow, Script::default()).unwrap_err()
}

fn is(code: &str, word: &'static str, in_flight: u32) -> (String, &'static str, u32) {
    (code.to_owned(), word, in_flight)
}

#[test]
fn each_side_closes_idle() {
    let idle = served().wait(5.0);
    assert_eq!(shown(&idle.clone().fin(Server).fin(Client)), is("SI", "server-idle", 0));
    assert_eq!(shown(&idle.clone().fin(Client).fin(Server)), is("CI", "client-idle", 0));
    assert_eq!(shown(&idle.clone().rst(Server)), is("SI", "server-idle", 0));
    assert_eq!(shown(&Hand::new().wait(1.0).fin(Server).fin(Client)), is("SU", "server-idle", 0));
    let truth = truth(&idle.fin(Server).fin(Client));
    assert!((truth.idle.unwrap() - 5.002).abs() < 1e-6, "{truth:?}");
    assert_eq!((truth.requests, truth.close_type), (1, CloseType::Fin));
}

#[test]
fn an_unasked_408_moves_no_clock() {
    let noise = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n";
    let hand = served().wait(5.0).says(Server, noise).fin(Server).fin(Client);
    assert!(truth(&hand).idle.unwrap() > 5.0);
    assert_eq!(shown(&hand), is("SI", "server-idle", 0));
}

#[test]
fn the_phase_is_that_of_the_first_end() {
    let head = Hand::new().says(Client, "GET / HT");
    assert_eq!(shown(&head.fin(Server).fin(Client)), is("SH", "premature-hangup", 1));
    let body = Hand::new().says(Client, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc");
    assert_eq!(shown(&body.clone().fin(Server).fin(Client)), is("SB", "premature-hangup", 1));
    assert_eq!(shown(&body.rst(Client)), is("CB", "premature-hangup", 1));
    let waiting = Hand::new().says(Client, GET).wait(1.0);
    assert_eq!(shown(&waiting.clone().fin(Client).fin(Server)), is("CW", "premature-hangup", 1));
    assert_eq!(shown(&waiting.clone().rst(Server)), is("SW", "premature-hangup", 1));
    let response = waiting.says(Server, PART).wait(1.0);
    assert_eq!(shown(&response.clone().fin(Server).fin(Client)), is("SR", "premature-hangup", 1));
    assert_eq!(shown(&response.fin(Client).rst(Server)), is("CR", "premature-hangup", 1));
}

#[test]
fn a_request_that_was_answered_before_it_was_whole_was_read() {
    let late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let head = Hand::new().says(Client, "GET / HT").wait(1.0).says(Server, late);
    assert_eq!(shown(&head.clone().fin(Server).fin(Client)), is("SH", "premature-hangup", 1));
    assert_eq!(shown(&head.rst(Server)), is("SH", "premature-hangup", 1));
    let reused = served().says(Client, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc").wait(1.0);
    assert_eq!(shown(&reused.says(Server, late).fin(Server).fin(Client)), is("SB", "premature-hangup", 1));
}

#[test]
fn what_was_announced_or_prompt_is_completed() {
    let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let announced = Hand::new().says(Client, GET).says(Server, last).fin(Server).fin(Client);
    assert_eq!(shown(&announced), is("SI", "completed", 0));
    let until_close =
        Hand::new().says(Client, GET).says(Server, "HTTP/1.1 200 OK\r\n\r\nok").fin(Server).fin(Client);
    assert_eq!(shown(&until_close), is("SI", "completed", 0));
    let old =
        Hand::new().says(Client, "GET / HTTP/1.0\r\n\r\n").says(Server, OK).wait(1.0).fin(Server).fin(Client);
    assert_eq!(shown(&old), is("SI", "completed", 0));
    assert_eq!(shown(&served().wait(0.05).fin(Client).fin(Server)), is("CI", "completed", 0));
    assert_eq!(shown(&served().fin(Server).fin(Client)), is("SI", "server-idle", 0));
    assert_eq!(why_not(&served().wait(0.1).fin(Client).fin(Server)), "neither prompt nor idle");
}

#[test]
fn a_request_that_does_not_acknowledge_the_fin_has_crossed_it() {
    let hand = served().wait(1.0).fin(Server).throws_blind(Client, GET, 1).rst(Server);
    assert_eq!(shown(&hand), is("SI", "crossed", 0));
    let first = Hand::new().wait(1.0).fin(Server).throws_blind(Client, GET, 1).rst(Server);
    assert!(why_not(&first).contains("crossed"));
}

#[test]
fn a_request_that_acknowledges_the_fin_is_stale() {
    let closed = served().wait(1.0).fin(Server);
    assert_eq!(shown(&closed.clone().throws(Client, GET).rst(Server)), is("SI", "stale", 0));
    let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let announced =
        Hand::new().says(Client, GET).says(Server, last).fin(Server).throws(Client, GET).rst(Server);
    assert_eq!(shown(&announced), is("SI", "completed", 0));
}

#[test]
fn a_fresh_request_under_a_reset_was_unread() {
    let asked = served().wait(1.0).throws(Client, GET);
    assert_eq!(shown(&asked.clone().rst(Server)), is("SW", "unread", 1));
    assert_eq!(shown(&asked.clone().wait(0.5).rst(Server)), is("SW", "premature-hangup", 1));
    assert!(why_not(&asked.clone().wait(0.02).rst(Server)).contains("makes the difference"));
    let mut far = asked.clone().wait(0.05).rst(Server);
    far.flow.segments[..2].iter_mut().for_each(|segment| segment.at -= 0.04);
    assert_eq!(shown(&far), is("SW", "unread", 1), "less than two round trips");
    assert!(why_not(&asked.clone().fin(Server).fin(Client)).contains("only stopped sending"));
    let resets = Script { server_resets: true, ..Script::default() };
    decide(&asked.clone().rst(Server).flow, resets).unwrap_err();
    let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let announced = Hand::new().says(Client, GET).says(Server, last).throws(Client, GET).rst(Server);
    assert!(why_not(&announced).contains("may have been the last"));
    let pieces = asked.throws(Client, "POST / HTTP/1.1\r\n").rst(Server);
    decide(&pieces.flow, Script::default()).unwrap_err();
    let whole = Script { read: Some(1), ..Script::default() };
    assert_eq!(decide(&pieces.flow, whole).unwrap().word(), "unread", "its server reads them whole");
    let first = Hand::new().throws(Client, GET).rst(Server);
    assert_eq!(shown(&first), is("SW", "premature-hangup", 1));
}

#[test]
fn a_client_that_closes_in_the_moment_of_its_own_request_has_a_timer_of_its_own() {
    let mut asked = served().wait(1.0).throws(Client, GET);
    asked.now -= 0.0005;
    assert_eq!(shown(&asked.clone().fin(Client).fin(Server)), is("CW", "own-timer", 1));
    assert!(why_not(&asked.clone().wait(0.005).fin(Client).fin(Server)).contains("not at once"));
    assert_eq!(shown(&asked.clone().wait(0.05).fin(Client).fin(Server)), is("CW", "premature-hangup", 1));
    decide(&asked.rst(Client).flow, Script::default()).unwrap_err();
}

#[test]
fn a_half_close_that_is_served_is_completed() {
    let stopped = Hand::new().says(Client, GET).wait(0.1).fin(Client);
    let answered = stopped.clone().says(Server, OK).fin(Server);
    assert_eq!(shown(&answered), is("CW", "completed", 1));
    let closed = stopped.clone().throws(Server, OK).rst(Client);
    assert_eq!(shown(&closed), is("CW", "premature-hangup", 1));
    assert_eq!(shown(&stopped.says(Server, PART).fin(Server)), is("CW", "premature-hangup", 1));
}

#[test]
fn two_ends_that_cross_are_the_servers_idle_close() {
    let mut hand = served().wait(1.0);
    let (one, other) = (hand.segment(Client), hand.segment(Server));
    hand.push(Segment { fin: true, ..one });
    hand.push(Segment { fin: true, ..other });
    assert_eq!(shown(&hand), is("BI", "server-idle", 0));
}

#[test]
fn a_refusal_is_no_connection() {
    let mut hand = Hand::new();
    hand.flow.segments.truncate(1);
    assert!(why_not(&hand).contains("SYN"));
    assert_eq!(shown(&hand.rst(Server)), is("SC", "connect-failed", 0));
}

#[test]
fn what_may_have_been_written_and_not_sent_is_not_decided() {
    let unacknowledged = Hand::new().says(Client, GET).throws(Server, PART);
    assert!(why_not(&unacknowledged.fin(Client).rst(Server)).contains("may have been written"));
    let huge = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nok";
    let hand = Hand::new().says(Client, GET).throws(Server, huge).rst(Client);
    assert_eq!(shown(&hand), is("CR", "premature-hangup", 1));
}

#[test]
fn a_capture_that_does_not_show_all_decides_nothing() {
    let whole = served().wait(1.0).fin(Server).fin(Client);
    let mut holes = whole.clone();
    holes.flow.may_have_holes = true;
    assert!(why_not(&holes).contains("holes"));
    let mut late = whole.clone();
    late.flow.segments.remove(0);
    assert!(why_not(&late).contains("begins in the middle"));
    let mut lacking = whole.clone();
    lacking.flow.segments.remove(3);
    assert!(why_not(&lacking).contains("not captured"));
    assert!(why_not(&served()).contains("nobody ended it"));
    let tls = Hand::new().says(Client, "\u{16}\u{3}\u{1}").says(Server, "\u{16}").fin(Server);
    assert!(why_not(&tls).contains("clear text"));
    let mut bare = served();
    bare.push(Segment { rst: true, ack: None, ..bare.segment(Server) });
    assert!(why_not(&bare).contains("acknowledges nothing"));
}

#[test]
fn streams_of_http2_are_read() {
    use crate::{h2, server_cases::Frame};
    let text = |bytes: Vec<u8>| String::from_utf8(bytes);
    let call = h2::client_bytes(&[Frame::Preface, Frame::Call(1, "/a".to_owned())]);
    let mut hand = Hand::new();
    assert!(text(call.clone()).is_err(), "it is not text, so it is pushed as bytes");
    hand.push(Segment { payload: call, ..hand.segment(Client) });
    hand.push(hand.segment(Server));
    assert_eq!(shown(&hand.clone().wait(1.0).fin(Client).fin(Server)), is("CW", "premature-hangup", 1));
    let answer = [h2::server_preface(), h2::response_begin(1), h2::response_end(1)].concat();
    hand.push(Segment { payload: answer, ..hand.segment(Server) });
    hand.push(hand.segment(Client));
    assert_eq!(shown(&hand.wait(1.0).fin(Server).fin(Client)), is("SI", "server-idle", 0));
}

#[test]
fn over_a_slow_wire_the_time_that_segments_take_decides_nothing() {
    let slow = |hand: Hand, index: usize| {
        let mut hand = hand;
        for segment in &mut hand.flow.segments[index..] {
            segment.at += 0.04;
        }
        hand
    };
    let unread = served().wait(1.0).throws(Client, GET);
    let reset = slow(slow(unread.clone().rst(Server), 1), unread.flow.segments.len());
    assert_eq!(shown(&reset), is("SW", "unread", 1), "all of its round trip may have been the wire");
    let near = slow(slow(unread.clone().wait(0.04).rst(Server), 1), unread.flow.segments.len());
    assert!(why_not(&near).contains("makes the difference"));
    let late = slow(slow(unread.clone().wait(0.5).rst(Server), 1), unread.flow.segments.len());
    assert_eq!(shown(&late), is("SW", "premature-hangup", 1));
    assert_eq!(why_not(&slow(served().wait(0.15).fin(Client).fin(Server), 2)), "neither prompt nor idle");
    assert_eq!(shown(&slow(served().wait(0.25).fin(Client).fin(Server), 2)), is("CI", "client-idle", 0));
}
