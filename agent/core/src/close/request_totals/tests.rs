use super::*;
use crate::{
    close::{
        facts::{CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, LAST_ACK},
        sample::{GET, OK, TICK, classified, client, server},
    },
    labels::Verdict,
};

/// Begun, answered and unanswered.
fn numbers(facts: &Facts) -> Option<(u32, u32, u32)> {
    let outcome = classified(facts).request_totals?;
    Some((outcome.begun, outcome.answered, outcome.unanswered))
}

#[test]
fn requests_are_begun_answered_and_left_unanswered_at_either_end() {
    for talk in [client(), server()] {
        assert_eq!(numbers(&talk.clone().closes()), None, "no message was followed");
        assert_eq!(numbers(&talk.clone().served(9).unobserved().closes()), None);
        assert_eq!(numbers(&talk.clone().served(9).served(9).closes()), Some((2, 2, 0)));
        assert_eq!(numbers(&talk.clone().served(9).asks(GET).waits(9).closes()), Some((2, 1, 1)));
        assert_eq!(numbers(&talk.asks(GET).asks(GET).asks(GET).answers(OK).closes()), Some((3, 1, 2)));
    }
}

#[test]
fn a_request_that_was_answered_before_its_body_had_come_is_not_unanswered() {
    let post = "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc";
    assert_eq!(numbers(&server().asks(post).answers(OK).waits(9).closes()), Some((1, 1, 0)));
}

#[test]
fn a_request_that_made_a_tunnel_is_neither_answered_nor_unanswered() {
    let talk = client().asks("CONNECT a:1 HTTP/1.1\r\n\r\n").answers("HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(numbers(&talk.waits(9).closes()), Some((1, 0, 0)));
}

#[test]
fn what_came_after_the_first_step_counts() {
    // The client stops sending and is answered.
    let asked = client().asks(GET);
    let mut facts = asked.clone().stops_sending();
    assert_eq!(numbers(&facts), Some((1, 0, 1)));
    asked.waits(9).answers(OK).later(&mut facts, FIN_WAIT1, CLOSE);
    assert_eq!(numbers(&facts), Some((1, 1, 0)));

    // A pool writes after the server's FIN.
    let idle = client().served(1250).fin_came();
    let mut facts = idle.clone().ends(ESTABLISHED, CLOSE_WAIT);
    idle.waits(250).asks(GET).by_process().later(&mut facts, CLOSE_WAIT, LAST_ACK);
    let close = classified(&facts);
    assert_eq!(numbers(&facts), Some((2, 1, 1)), "{close:#?}");
    assert_eq!((close.requests, close.requests_started), (Some(1), Some(2)));
    assert_eq!(close.reuse_gap, Some(1500.0 * TICK));
}

#[test]
fn turns_of_tls_are_counted_as_such_and_are_no_requests() {
    let close = classified(&server().encrypted().served(9).served(1250).closes());
    let outcome = close.request_totals.expect("followed");
    assert_eq!((outcome.basis, outcome.begun, outcome.answered), (Basis::Inferred, 2, 2));
    assert_eq!((close.requests, close.requests_started), (None, None));
    assert_eq!((close.verdict, close.reuse_gap), (Verdict::ServerIdle, Some(9.0 * TICK)));
}

#[test]
fn what_the_newest_response_announced_is_kept() {
    let text =
        "HTTP/1.1 200 OK\r\nServer: Jetty(9.4)\r\nKeep-Alive: timeout=5, max=99\r\nContent-Length: 0\r\n\r\n";
    let close = classified(&client().served(9).asks(GET).answers(text).closes());
    let keep_alive = close.keep_alive.expect("announced");
    assert_eq!((keep_alive.timeout, keep_alive.max), (Some(5), Some(99)));
    assert_eq!(close.server.as_deref(), Some("Jetty(9.4)"));
    let close = classified(&client().served(9).closes());
    assert_eq!((close.keep_alive, close.server, close.reuse_gap), (None, None, None));
}
