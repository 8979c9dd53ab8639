use super::*;
use crate::close::{
    facts::{CLOSE_WAIT, FIN_WAIT1, FIN_WAIT2, LAST_ACK, Resets},
    sample::SOCK_LINGER,
};

const PF_EXITING: u32 = 0x4;
/// In a wait(2) status.
const CORE_DUMPED: u32 = 0x80;
const SIGSEGV: u32 = 11;
const TIMEOUT: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";

fn cause(facts: &Facts) -> Cause {
    judge(facts).cause
}

fn evidence(facts: &Facts) -> String {
    judge(facts).evidence.join("\n")
}

#[test]
fn a_reset_over_unread_bytes_says_how_many() {
    let facts = server().asks(GET).unread().waits(250).resets();
    assert_eq!(cause(&facts), Cause::UnreadData);
    assert!(evidence(&facts).contains("closed with 35 bytes unread"), "{}", evidence(&facts));
    assert_eq!(cause(&server().asks(GET).waits(250).resets()), Cause::Unknown);
}

#[test]
fn a_reset_by_linger_is_reported_from_a_lingering_close() {
    let mut talk = client().served(250);
    talk.socket.flags |= SOCK_LINGER;
    assert_eq!(cause(&talk.clone().resets()), Cause::LingerZero);
    assert_eq!(cause(&talk.clone().closes()), Cause::Unknown, "closed with a FIN");
    talk.socket.linger_time = 100;
    assert_eq!(cause(&talk.resets()), Cause::Unknown);
}

#[test]
fn unread_bytes_reset_before_linger_does() {
    let mut talk = server().asks(GET).unread();
    talk.socket.flags |= SOCK_LINGER;
    assert_eq!(cause(&talk.resets()), Cause::UnreadData);
}

#[test]
fn a_dying_process_is_reported_by_how_it_died() {
    let dying = |exit_code: u32, flags: u32| {
        let mut talk = server().asks(GET).unread().waits(250);
        (talk.socket.task.flags, talk.socket.task.exit_code) = (flags, exit_code);
        talk
    };
    for facts in [dying(9, PF_EXITING).closes(), dying(9, PF_EXITING).resets()] {
        assert_eq!(cause(&facts), Cause::ProcessKilled);
        assert!(evidence(&facts).contains("dying of signal 9"), "{}", evidence(&facts));
    }
    assert_eq!(cause(&dying(CORE_DUMPED + SIGSEGV, PF_EXITING).closes()), Cause::ProcessKilled);
    assert!(evidence(&dying(CORE_DUMPED + SIGSEGV, PF_EXITING).closes()).contains("signal 11"));
    let exited = dying(3 << 8, PF_EXITING).closes();
    assert_eq!(cause(&exited), Cause::ProcessExit);
    assert!(evidence(&exited).contains("status 3"), "{}", evidence(&exited));
    // An exit code means nothing while the task lives.
    assert_eq!(cause(&dying(9, 0).closes()), Cause::Unknown);
    assert_eq!(cause(&dying(9, 0).resets()), Cause::UnreadData);
}

#[test]
fn the_peers_close_has_no_process() {
    let mut talk = server().served(250);
    (talk.socket.task.flags, talk.socket.task.exit_code) = (PF_EXITING, 9);
    assert_eq!(cause(&talk.gets_fin()), Cause::Unknown);
}

#[test]
fn a_child_that_nobody_accepted_is_not_the_processes_doing() {
    let mut talk = server().asks(GET).unread();
    talk.socket.has_socket = 0;
    let facts = talk.resets();
    assert_eq!(summary(&facts), "premature-hangup SW rst waiting not-accepted - exact http");
    let mut talk = client().served(250);
    talk.socket.has_socket = 0;
    assert_eq!(cause(&talk.resets()), Cause::Unknown, "a client is never accepted");
}

#[test]
fn a_time_out_is_reported_by_what_was_waited_for() {
    let network = |cause| format!("network NI timeout idle {cause} - exact http");
    assert_eq!(summary(&client().served(250).fails(110)), network("keepalive-dead"));
    let mut waiting = client().asks(GET).unacked(0).waits(250);
    let timed_out = |talk: &Talk, err| summary(&talk.clone().fails(err));
    for err in [101, 110, 113] {
        assert_eq!(
            timed_out(&waiting, err),
            "network NW timeout waiting retransmit-timeout - exact http",
            "{err}"
        );
    }
    waiting.socket.user_timeout = 5000;
    assert_eq!(timed_out(&waiting, 110), "network NW timeout waiting user-timeout - exact http");
    let mut idle = client().served(250);
    idle.socket.user_timeout = 5000;
    assert_eq!(summary(&idle.fails(110)), network("keepalive-dead"));
}

#[test]
fn an_unreachable_host_that_nothing_was_sent_to_again_is_no_retransmission_time_out() {
    // An ICMP error ends a connect at once (tcp_v4_err, net/ipv4/tcp_ipv4.c).
    let mut facts = client().ends(SYN_SENT, CLOSE);
    (facts.first.err, facts.first.total_retrans) = (113, 0);
    let close = judge(&facts);
    assert_eq!((close.verdict, close.cause), (Verdict::ConnectFailed, Cause::Unknown));
}

#[test]
fn a_destroyed_socket_is_the_hosts_doing_from_either_end() {
    for talk in [server(), client()] {
        let facts = talk.served(250).by_process().fails(103);
        assert_eq!(summary(&facts), "host-abort HI abort idle sock-destroy - exact http");
        assert!(evidence(&facts).contains("SOCK_DESTROY by test (4711)"), "{}", evidence(&facts));
    }
}

#[test]
fn an_error_that_says_nothing_is_not_explained() {
    // EPROTO, by an ICMP error that the connection took to heart when it gave up.
    let facts = client().served(250).fails(71);
    assert_eq!(summary(&facts), "unknown UI abort idle unknown - probable http");
    assert!(!evidence(&facts).contains("handshake"), "it was long over: {}", evidence(&facts));
}

#[test]
fn a_client_that_stops_sending_and_is_answered_did_not_hang_up() {
    let answered = "completed CW fin waiting half-close - exact http";
    let talk = server().asks(GET).waits(5);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(250).answers(OK).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), answered);
    facts.resets.push(late_segment(&facts.first, 0, 0));
    assert_eq!(
        summary(&facts),
        "premature-hangup CW fin waiting unknown - exact http",
        "it refused the answer"
    );
    facts.resets = Resets::default();
    let last = facts.last.as_mut().expect("set");
    (last.old_state, last.new_state) = (LAST_ACK, CLOSE);
    assert_eq!(summary(&facts), answered, "it acknowledged our FIN");
    facts.last.as_mut().expect("set").err = 104;
    assert_eq!(
        summary(&facts),
        "premature-hangup CW fin waiting unknown - probable http",
        "it refused our FIN"
    );
    assert!(evidence(&facts).contains("refused our FIN"), "{}", evidence(&facts));

    let talk = client().asks(GET).waits(5);
    let mut facts = talk.clone().stops_sending();
    assert_eq!(summary(&facts), "unknown CW fin waiting unknown - probable http", "nothing came yet");
    talk.waits(250).answers(OK).fin_came().later(&mut facts, FIN_WAIT2, CLOSE);
    assert_eq!(summary(&facts), answered);
}

#[test]
fn turns_tell_a_half_close_by_what_moved_after_it() {
    let answered = "completed CW fin waiting half-close - probable turns";
    let talk = server().asks(GET).waits(5).unobserved();
    let mut facts = talk.clone().gets_fin();
    talk.clone().fin_came().waits(250).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - probable turns", "not a byte");
    talk.fin_came().waits(250).answers(OK).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), answered);

    let talk = client().asks(GET).waits(5).unobserved();
    let mut facts = talk.clone().stops_sending();
    talk.waits(250).answers(OK).fin_came().later(&mut facts, FIN_WAIT2, CLOSE);
    assert_eq!(summary(&facts), answered);
    facts.last.as_mut().expect("set").err = 104;
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - probable turns");
}

#[test]
fn a_whole_close_is_no_half_close_whatever_comes_after() {
    let talk = client().asks(GET).waits(5);
    let mut facts = talk.clone().closes();
    talk.waits(1).answers(OK).later(&mut facts, FIN_WAIT1, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - exact http");
}

#[test]
fn a_truncated_response_says_what_is_missing() {
    let facts = server().asks(GET).answers(EARLY).waits(250).closes();
    assert_eq!(cause(&facts), Cause::Truncated);
    assert!(evidence(&facts).contains("7 bytes of the response are missing"), "{}", evidence(&facts));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    let facts = client().asks(GET).answers(chunked).waits(250).gets_fin();
    assert_eq!(summary(&facts), "premature-hangup SR fin response truncated - exact http");
    assert!(evidence(&facts).contains("the last chunk is missing"), "{}", evidence(&facts));
    let mut killed = server().asks(GET).answers(EARLY).waits(250);
    (killed.socket.task.flags, killed.socket.task.exit_code) = (PF_EXITING, 9);
    assert_eq!(cause(&killed.closes()), Cause::ProcessKilled, "the stronger cause");
}

#[test]
fn a_408_nobody_asked_for_is_the_keepalive_timer_and_does_not_reset_the_idle_clock() {
    let talk = |talk: Talk| talk.served(1000).answers_unasked(TIMEOUT);
    assert_eq!(by_server(talk), ["server-idle SI fin idle keepalive-timer - exact http"; 2]);
    for facts in [talk(server()).closes(), talk(client()).gets_fin()] {
        let close = judge(&facts);
        assert_eq!((close.idle, close.silent), (Some(4.0), Some(0.0)));
        assert!(evidence(&facts).contains("a 408 nobody had asked for"), "{}", evidence(&facts));
    }
    let other = |talk: Talk| talk.served(1000).answers_unasked("HTTP/1.1 503 Away\r\n\r\n");
    assert_eq!(by_server(other), ["server-idle SI fin idle unknown - exact http"; 2]);
}

#[test]
fn who_is_killed_takes_no_leave() {
    let killed = |talk: Talk| {
        let mut talk = talk;
        (talk.socket.task.flags, talk.socket.task.exit_code) = (PF_EXITING, 9);
        summary(&talk.closes())
    };
    let answered = server().unobserved().served(1);
    assert_eq!(killed(answered), "server-idle SI fin idle process-killed - probable turns");
    let asked = client().unobserved().served(250).asks(GET).waits(1);
    assert_eq!(killed(asked), "premature-hangup CW fin waiting process-killed - probable turns");
}
