use whohungup_ebpf::exchange::{IN, OUT};

use crate::close::{
    Facts,
    sample::{GET, OK, Talk, classified, client, server},
};

const ECONNRESET: u32 = 104;
const ETIMEDOUT: u32 = 110;
const BARE: u8 = 0x04;
const WITH_ACK: u8 = 0x14;

/// A reset comes in and ends the connection.
fn reset(mut talk: Talk, flags: u8, ttl: u8, acknowledges: u32) -> Facts {
    talk.exchange.peer_ttl = 64;
    talk.exchange.reset_ttl = ttl;
    talk.exchange.reset_flags = flags;
    talk.exchange.reset_at = talk.socket.header.jiffies;
    talk.exchange.reset_ack = acknowledges;
    talk.fails(ECONNRESET)
}

fn summary(facts: &Facts) -> String {
    let close = classified(facts);
    let race = close.race.map_or("-", |race| race.as_str());
    format!(
        "{} {} {} {} {race} {}",
        close.verdict, close.code, close.close_type, close.cause, close.confidence
    )
}

const FORGOTTEN: &str = "network NW rst flow-forgotten - probable";

#[test]
fn a_reset_that_knows_of_no_connection_after_a_silence_is_a_forgotten_flow() {
    let request = |ticks| client().served(ticks).asks(GET).unacked(0).waits(1);
    assert_eq!(summary(&reset(request(1250), BARE, 64, 0)), FORGOTTEN);
    assert_eq!(summary(&reset(request(1250), BARE, 63, 0)), FORGOTTEN);
    // A living socket's reset acknowledges: that server had the request and did not read it.
    let request_end = request(1250).socket.write_seq;
    assert_eq!(
        summary(&reset(request(1250), WITH_ACK, 64, request_end)),
        "idle-race SW rst unknown unread probable"
    );
    // No silence to forget it in, or not the first packet after it.
    assert_eq!(summary(&reset(request(2), BARE, 64, 0)), "network NW rst middlebox-reset - probable");
    assert_eq!(
        summary(&reset(request(1250).waits(250), BARE, 64, 0)),
        "network NW rst middlebox-reset - probable"
    );
}

#[test]
fn a_slow_response_may_meet_a_forgotten_flow_too() {
    let answered = server().served(5).asks(GET).waits(1250).answers(OK).unacked(0).waits(1);
    assert_eq!(summary(&reset(answered, BARE, 64, 0)), "network NI rst flow-forgotten - probable");
}

#[test]
fn a_reset_from_another_distance_is_none_of_the_peers() {
    let idle = || client().served(1250);
    assert_eq!(summary(&reset(idle(), WITH_ACK, 61, 0)), "network NI rst middlebox-reset - probable");
    assert_eq!(summary(&reset(idle(), WITH_ACK, 64, 0)), "server-idle SI rst unknown - exact");
    let mut unknown = idle();
    unknown.exchange.peer_ttl = 0;
    let mut facts = reset(unknown, WITH_ACK, 61, 0);
    facts.exchange.as_mut().expect("spoke").peer_ttl = 0;
    assert_eq!(summary(&facts), "server-idle SI rst unknown - exact");
}

#[test]
fn who_never_answered_may_be_a_listener_with_a_full_queue() {
    let first = client().asks(GET).unacked(0).waits(1);
    assert_eq!(summary(&reset(first, BARE, 64, 0)), "premature-hangup SW rst not-accepted - probable");
}

#[test]
fn a_reset_that_left_before_the_request_came_has_crossed_it() {
    let talk = client().served(1250);
    let before = talk.socket.write_seq;
    let request = talk.asks(GET).unacked(0).waits(1);
    assert_eq!(summary(&reset(request, WITH_ACK, 64, before)), "idle-race SW rst unknown crossed exact");
}

#[test]
fn an_old_reset_says_nothing_of_this_end() {
    let talk = client().served(1250).asks(GET).unacked(0).waits(1);
    let mut facts = reset(talk, BARE, 64, 0);
    let exchange = facts.exchange.as_mut().expect("spoke");
    exchange.reset_at = exchange.reset_at.wrapping_sub(50);
    assert_eq!(summary(&facts), "idle-race SW rst unknown unread probable");
}

#[test]
fn retransmissions_into_nothing_are_a_forgotten_flow_only_while_peer_reachable() {
    let lost = |ticks| client().served(ticks).asks(GET).unacked(0).waits(2500).fails(ETIMEDOUT);
    let mut facts = lost(1250);
    assert_eq!(summary(&facts), "network NW timeout retransmit-timeout - exact");
    facts.peer_reachable = true;
    assert_eq!(summary(&facts), "network NW timeout flow-forgotten - probable");
    // The network failed in the midst of things.
    let mut facts = lost(10);
    facts.peer_reachable = true;
    assert_eq!(summary(&facts), "network NW timeout retransmit-timeout - exact");
}

/// Nothing reads the messages; pings are answered, then one more after so many ticks.
fn ping(silence: u32) -> Talk {
    let mut talk = client().unobserved().waits(5);
    talk.move_bytes(OUT, 5);
    talk.move_bytes(IN, 5);
    let mut talk = talk.waits(silence);
    talk.move_bytes(OUT, 5);
    talk.unacked(0).waits(1)
}

#[test]
fn a_bare_reset_is_read_whatever_the_protocol() {
    assert_eq!(summary(&reset(ping(1250), BARE, 64, 0)), FORGOTTEN);
    assert_eq!(summary(&reset(ping(2), BARE, 64, 0)), "network NW rst middlebox-reset - probable");
    assert_eq!(classified(&reset(ping(1250), BARE, 64, 0)).silence, Some(5.0));
    // A living socket's, and one that left before the ping came.
    let end = ping(1250).socket.write_seq;
    assert_eq!(summary(&reset(ping(1250), WITH_ACK, 64, end)), "idle-race SW rst unknown unread probable");
    assert_eq!(
        summary(&reset(ping(1250), WITH_ACK, 64, end - 5)),
        "idle-race SW rst unknown crossed probable"
    );
}

#[test]
fn what_was_acknowledged_in_between_breaks_the_silence() {
    // A sender that is never answered, only acknowledged.
    let mut talk = client().unobserved().waits(5);
    talk.move_bytes(OUT, 5);
    talk.move_bytes(IN, 5);
    for _ in 0..5 {
        talk = talk.waits(100);
        talk.move_bytes(OUT, 5);
    }
    let facts = reset(talk.unacked(0).waits(1), BARE, 64, 0);
    assert_eq!(summary(&facts), "network NW rst middlebox-reset - probable");
}

#[test]
fn a_socket_that_was_closed_behind_unsent_bytes_resets_like_that() {
    // An upload that nobody reads; the client closes, and the answer meets its orphan.
    let upload = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\nand so on";
    let answered = |ticks| server().served(5).asks(upload).waits(ticks).unread().answers(OK).unacked(0);
    for ticks in [5, 1250] {
        let close = classified(&reset(answered(ticks).waits(1), BARE, 64, 0));
        assert_eq!((close.verdict.as_str(), close.closer.as_str()), ("premature-hangup", "client"));
        assert_eq!(close.confidence.as_str(), "probable");
    }
    // From another distance it is of something in between all the same.
    assert_eq!(
        summary(&reset(answered(5).waits(1), BARE, 61, 0)),
        "network NB rst middlebox-reset - probable"
    );
    // Of what is not read, bytes that lie unread tell.
    let mut talk = server().unobserved().waits(5);
    talk.move_bytes(IN, 50_000);
    let mut talk = talk.unread().waits(1250);
    talk.move_bytes(OUT, 5);
    let close = classified(&reset(talk.unacked(0).waits(1), BARE, 64, 0));
    assert_eq!((close.verdict.as_str(), close.closer.as_str()), ("premature-hangup", "client"));
}

#[test]
fn the_answer_to_what_came_a_moment_ago_meets_whoever_sent_it() {
    // A request that was retransmitted while its client gave up: its FIN is still to come.
    let answered = server().served(1250).asks(GET).answers(OK).unacked(0);
    let close = classified(&reset(answered, BARE, 64, 0));
    assert_eq!((close.closer.as_str(), close.confidence.as_str()), ("client", "probable"));
}
