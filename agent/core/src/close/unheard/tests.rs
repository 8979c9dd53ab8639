use crate::close::{
    Facts,
    sample::{GET, OK, Talk, classified, client, server},
};
use whohungup_ebpf::exchange::{IN, OUT};

fn summary(facts: &Facts) -> String {
    let close = classified(facts);
    let request = close.request.map_or(String::new(), |request| format!(" {request:.1}"));
    format!(
        "{} {} {} {} {}{request}",
        close.verdict, close.code, close.close_type, close.cause, close.confidence
    )
}

/// A request that waits for five seconds.
fn asks_into_nothing(silence: u32, retransmissions: u8) -> Talk {
    client().served(silence).asks(GET).waits(1250).retransmits(retransmissions)
}

/// Ping and pong, then a ping that waits for five seconds.
fn pings_into_nothing(silence: u32, retransmissions: u8) -> Talk {
    let mut talk = client().unobserved().waits(5);
    talk.move_bytes(OUT, 5);
    talk.move_bytes(IN, 5);
    let mut talk = talk.waits(silence);
    talk.move_bytes(OUT, 5);
    talk.waits(1250).retransmits(retransmissions)
}

#[test]
fn a_client_that_gives_up_on_what_was_never_acknowledged_has_lost_it_to_the_path() {
    for (silence, expected) in [
        (1250, "network NW fin flow-forgotten probable 5.0"),
        (5, "network NW fin retransmit-timeout exact 5.0"),
    ] {
        assert_eq!(summary(&asks_into_nothing(silence, 4).closes()), expected);
        assert_eq!(summary(&pings_into_nothing(silence, 4).closes()), expected);
    }
    assert_eq!(summary(&asks_into_nothing(1250, 4).resets()), "network NW rst flow-forgotten probable 5.0");
}

#[test]
fn few_retransmissions_prove_nothing() {
    let said = |retransmissions| summary(&asks_into_nothing(5, retransmissions).closes());
    assert_eq!(said(0), "premature-hangup CW fin unknown exact 5.0");
    assert_eq!(said(1), "premature-hangup CW fin unknown probable 5.0");
    assert_eq!(said(2), "network NW fin retransmit-timeout probable 5.0");
    assert_eq!(said(3), "network NW fin retransmit-timeout exact 5.0");
}

#[test]
fn a_peer_that_is_heard_meanwhile_is_there() {
    // It acknowledges, again and again, what it had before: one segment is lost, or it has no room.
    let mut talk = asks_into_nothing(5, 4);
    talk.socket.rcv_tstamp = talk.socket.header.jiffies.wrapping_sub(20);
    assert_eq!(summary(&talk.closes()), "premature-hangup CW fin unknown probable 5.0");
}

#[test]
fn who_was_never_heard_may_be_a_listener_with_a_full_queue() {
    let first = client().asks(GET).waits(1250).retransmits(4);
    assert_eq!(summary(&first.closes()), "premature-hangup CW fin unknown probable 5.0");
}

#[test]
fn a_process_that_is_killed_meanwhile_ends_for_its_own_reasons() {
    let mut talk = asks_into_nothing(1250, 4);
    (talk.socket.task.flags, talk.socket.task.exit_code) = (4, 9);
    assert_eq!(summary(&talk.closes()), "premature-hangup CW fin process-killed probable 5.0");
}

#[test]
fn a_response_may_come_across_as_little_as_a_request() {
    let answered = server().served(5).asks(GET).waits(1).answers(OK).waits(1250).retransmits(4);
    assert_eq!(summary(&answered.closes()), "network NI fin retransmit-timeout exact");
}
