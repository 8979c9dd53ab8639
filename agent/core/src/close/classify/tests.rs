use whohungup_ebpf::{event::Reset, exchange::IN};

use super::{
    super::{
        facts::{SYN_RECV, SYN_SENT},
        sample::{GET, OK, TICK, Talk, classified, classified_with, client, late_segment, server},
    },
    *,
};
use crate::close::facts::{CLOSE, CLOSE_WAIT, CLOSING, FIN_WAIT1, FIN_WAIT2, LAST_ACK};
use crate::close::{ClosedConnection, ClosingHabit, Loss, LossReason, loss};
use crate::labels::{Race, Role};

mod cause;
mod clock;
mod protocol;
mod race;

const EARLY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
const LAST_OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";

fn judge(facts: &Facts) -> ClosedConnection {
    classified(facts)
}

/// A close in one line: verdict, code, close_type, phase, cause, race, confidence, basis.
fn summary(facts: &Facts) -> String {
    let close = judge(facts);
    let race = close.race.map_or("-", Race::as_str);
    format!(
        "{} {} {} {} {} {race} {} {}",
        close.verdict, close.code, close.close_type, close.phase, close.cause, close.confidence, close.basis
    )
}

/// How one close looks from both ends; `talk` is what was said before it.
fn by_server(talk: impl Fn(Talk) -> Talk) -> [String; 2] {
    [summary(&talk(server()).closes()), summary(&talk(client()).gets_fin())]
}

fn by_client(talk: impl Fn(Talk) -> Talk) -> [String; 2] {
    [summary(&talk(client()).closes()), summary(&talk(server()).gets_fin())]
}

#[test]
fn an_idle_close_is_the_closers_from_both_ends() {
    let idle = |talk: Talk| talk.served(1250);
    assert_eq!(by_server(idle), ["server-idle SI fin idle unknown - exact http"; 2]);
    assert_eq!(by_client(idle), ["client-idle CI fin idle unknown - exact http"; 2]);
    let idle = |talk: Talk| talk.served(1250).unobserved();
    assert_eq!(by_server(idle), ["server-idle SI fin idle unknown - probable turns"; 2]);
    assert_eq!(by_client(idle), ["client-idle CI fin idle unknown - probable turns"; 2]);
    let idle = |talk: Talk| talk.encrypted().served(1).served(1).served(1250);
    assert_eq!(by_server(idle), ["server-idle SI fin idle unknown - probable inferred"; 2]);
    assert_eq!(by_client(idle), ["client-idle CI fin idle unknown - probable inferred"; 2]);
}

#[test]
fn a_408_into_a_connection_that_was_never_used_is_no_response() {
    let said =
        |talk: Talk| talk.waits(500).answers("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
    assert_eq!(by_server(said), ["server-idle SU fin unused unknown - exact http"; 2]);
    assert_eq!(judge(&said(server()).closes()).requests, Some(0));
}

#[test]
fn a_response_that_leaves_together_with_the_fin_was_written_before_it() {
    let mut corked = server().served(5).asks(GET).waits(1);
    corked.socket.write_seq = corked.socket.write_seq.wrapping_add(OK.len() as u32);
    let mut facts = corked.clone().closes();
    let close = judge(&facts);
    assert_eq!(
        (close.verdict, close.phase, close.confidence),
        (Verdict::ServerIdle, Phase::Idle, Confidence::Probable)
    );
    corked.socket.write_seq = corked.socket.write_seq.wrapping_sub(OK.len() as u32);
    let closing = OK.replace("Content", "Connection: close\r\nContent");
    corked.answers(&closing).later(&mut facts, FIN_WAIT2, CLOSE);
    let close = judge(&facts);
    assert_eq!(
        (close.verdict, close.phase, close.confidence),
        (Verdict::Completed, Phase::Idle, Confidence::Exact)
    );
    assert_eq!(close.requests, Some(2));
}

#[test]
fn a_connection_without_a_byte_is_unused_and_idle() {
    let unused = |talk: Talk| talk.waits(500);
    assert_eq!(by_server(unused), ["server-idle SU fin unused unknown - exact turns"; 2]);
    assert_eq!(by_client(unused), ["client-idle CU fin unused unknown - exact turns"; 2]);
    let close = judge(&unused(server()).closes());
    assert_eq!((close.in_flight, close.requests, close.idle, close.silent), (Some(0), Some(0), None, None));
}

#[test]
fn an_end_within_an_exchange_is_premature_and_says_whose_and_where() {
    let phases: [(&str, char, &str, &[&str]); 4] = [
        ("request-head", 'H', "unknown", &["GET / HT"]),
        ("request-body", 'B', "unknown", &[POST]),
        ("waiting", 'W', "unknown", &[GET]),
        ("response", 'R', "truncated", &[GET, EARLY]),
    ];
    for (phase, letter, cause, said) in phases {
        let talk = |talk: Talk| {
            let talk = talk.asks(said[0]);
            said.get(1).map_or(talk.clone(), |text| talk.waits(1).answers(text)).waits(250)
        };
        let want = format!("premature-hangup S{letter} fin {phase} {cause} - exact http");
        assert_eq!(by_server(talk), [want.clone(), want], "{phase}");
        // Whoever leaves a response has cut nothing short.
        let want = format!("premature-hangup C{letter} fin {phase} unknown - exact http");
        assert_eq!(by_client(talk), [want.clone(), want], "{phase}");
        let close = judge(&talk(server()).closes());
        assert_eq!((close.in_flight, close.requests, close.idle), (Some(1), Some(0), None), "{phase}");
    }
}

#[test]
fn a_client_that_is_never_answered_and_goes_on_sending_waits_for_no_answer() {
    let first_request = |talk: Talk| talk.asks("ask").waits(750).unobserved();
    assert_eq!(by_client(first_request), ["premature-hangup CW fin waiting unknown - probable turns"; 2]);
    let one_way = |talk: Talk| talk.asks("a line").waits(750).asks("another").waits(750).unobserved();
    assert_eq!(by_client(one_way), ["client-idle CI fin idle unknown - probable turns"; 2]);
    assert_eq!(by_server(one_way), ["server-idle SI fin idle unknown - probable turns"; 2]);
    let unacknowledged = |talk: Talk| one_way(talk).asks("lost").unacked(0).unobserved();
    let close = summary(&unacknowledged(client()).closes());
    assert_eq!(close, "completed CI fin idle unknown - probable turns");
}

#[test]
fn turns_tell_a_premature_end_too() {
    let waiting = |talk: Talk| talk.served(250).asks(GET).waits(250).unobserved();
    assert_eq!(by_server(waiting), ["premature-hangup SW fin waiting unknown - probable turns"; 2]);
    assert_eq!(by_client(waiting), ["premature-hangup CW fin waiting unknown - probable turns"; 2]);
}

#[test]
fn a_reset_of_what_was_never_acknowledged_shows_no_timer_of_the_servers() {
    let sent_again = |talk: Talk| talk.asks(GET).waits(50).retransmits(1);
    let close = summary(&sent_again(client()).fails(104));
    assert_eq!(close, "premature-hangup SW rst waiting not-accepted - probable http");
    let at_once = |talk: Talk| talk.asks(GET).waits(50).unacked(0);
    let close = summary(&at_once(client()).fails(104));
    assert_eq!(close, "premature-hangup SW rst waiting unknown - exact http");
}

#[test]
fn resets_are_judged_by_side_like_fins() {
    let idle = |talk: Talk| talk.served(1250);
    assert_eq!(summary(&idle(server()).resets()), "server-idle SI rst idle unknown - exact http");
    assert_eq!(summary(&idle(client()).fails(104)), "server-idle SI rst idle unknown - exact http");
    assert_eq!(summary(&idle(client()).resets()), "client-idle CI rst idle unknown - exact http");
    assert_eq!(summary(&idle(server()).fails(104)), "client-idle CI rst idle unknown - exact http");
    let waiting = |talk: Talk| talk.asks(GET).waits(250);
    assert_eq!(summary(&waiting(client()).resets()), "premature-hangup CW rst waiting unknown - exact http");
    assert_eq!(
        summary(&waiting(server()).fails(104)),
        "premature-hangup CW rst waiting unknown - exact http"
    );
}

#[test]
fn an_announced_end_is_completed_whoever_announced_it() {
    for (request, response) in [(LAST, OK), (GET, LAST_OK)] {
        let talk = |talk: Talk| talk.asks(request).waits(1).answers(response).waits(1250);
        assert_eq!(
            by_server(talk),
            ["completed SI fin idle announced - exact http"; 2],
            "{request}{response}"
        );
        assert_eq!(
            by_client(talk),
            ["completed CI fin idle announced - exact http"; 2],
            "{request}{response}"
        );
    }
}

#[test]
fn a_client_that_closes_right_after_its_response_is_done_and_a_server_is_not() {
    // 24 ticks are 96 ms, 25 are 100 ms.
    let prompt = |talk: Talk| talk.served(24);
    assert_eq!(by_client(prompt), ["completed CI fin idle unknown - exact http"; 2]);
    assert_eq!(by_server(prompt), ["server-idle SI fin idle unknown - exact http"; 2]);
    let crossed = server().asks(GET).answers(OK).unacked(0);
    let mut facts = crossed.clone().gets_fin();
    assert_eq!(summary(&facts), "completed CI fin idle unknown - probable http");
    facts.resets.push(late_segment(&facts.first, 0, 0));
    assert_eq!(summary(&facts), "unknown CI fin idle unknown - probable http");
    assert!(
        judge(&facts).evidence.iter().any(|line| line.contains("refused it")),
        "{:?}",
        judge(&facts).evidence
    );
    let late = |talk: Talk| talk.served(25);
    assert_eq!(by_client(late), ["client-idle CI fin idle unknown - exact http"; 2]);
    let close =
        classified_with(&late(client()).closes(), Options { idle_threshold: 0.2, ..Options::default() });
    assert_eq!(close.verdict, Verdict::Completed);
}

#[test]
fn an_idle_close_is_certain_only_where_a_late_request_would_have_been_seen() {
    let confidence = |facts: &Facts, late_requests| {
        let close = classified_with(facts, Options { late_requests, ..Options::default() });
        assert_eq!(close.verdict, Verdict::ServerIdle);
        close.confidence
    };
    let (own, peers) = (server().served(1250).closes(), client().served(1250).gets_fin());
    for (late_requests, at_the_server) in [
        (LateRequests::Seen, Confidence::Exact),
        (LateRequests::AtTimeWait, Confidence::Exact),
        (LateRequests::Unseen, Confidence::Probable),
    ] {
        assert_eq!(confidence(&own, late_requests), at_the_server, "{late_requests:?}");
        assert_eq!(confidence(&peers, late_requests), Confidence::Exact, "{late_requests:?}");
    }
}

#[test]
fn a_tunnel_ends_as_a_tunnel() {
    let talk = |talk: Talk| talk.asks(GET).waits(1).answers(SWITCH).waits(1250);
    assert_eq!(by_server(talk), ["tunnel-end ST fin tunnel unknown - exact http"; 2]);
    assert_eq!(by_client(talk), ["tunnel-end CT fin tunnel unknown - exact http"; 2]);
}

#[test]
fn crossing_fins_are_both_sides_and_would_have_lost_a_request() {
    for talk in [server().served(1250), client().served(1250)] {
        let mut facts = talk.closes();
        facts.crossing_fins = true;
        facts.resets.push(late_segment(&facts.first, 100, facts.first.write_seq));
        assert_eq!(summary(&facts), "server-idle BI fin idle unknown - exact http");
    }
}

#[test]
fn a_connection_that_was_never_made_failed_to_connect() {
    let refused = client().ends(SYN_SENT, CLOSE);
    let with = |err| {
        let mut facts = refused.clone();
        facts.first.err = err;
        facts.first.total_retrans = 6;
        summary(&facts)
    };
    assert_eq!(with(111), "connect-failed SC rst connecting refused - exact turns");
    assert_eq!(with(110), "connect-failed NC timeout connecting retransmit-timeout - exact turns");
    assert_eq!(with(0), "connect-failed CC abort connecting unknown - exact turns");
    assert_eq!(with(103), "connect-failed HC abort connecting sock-destroy - exact turns");
    let mut reset = server().ends(SYN_RECV, CLOSE);
    reset.first.err = 104;
    assert_eq!(summary(&reset), "connect-failed CC rst connecting unknown - exact turns");
}

#[test]
fn an_end_that_was_never_identified_is_unknown_with_an_unknown_closer() {
    for mut facts in [
        server().served(1250).closes(),
        client().served(1250).gets_fin(),
        server().asks(GET).waits(9).unobserved().resets(),
        client().asks(GET).waits(9).unobserved().fails(104),
    ] {
        facts.role = Role::Unknown;
        let close = judge(&facts);
        assert_eq!((close.verdict, close.closer), (Verdict::Unknown, Closer::Unknown));
        assert_eq!((close.confidence, close.race), (Confidence::Probable, None));
        assert!(close.code.to_string().starts_with('U'));
        assert!(close.evidence.iter().any(|line| line.contains("never seen")), "{:?}", close.evidence);
    }
}

/// A body that ends with the connection.
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\nbody";

#[test]
fn only_the_servers_own_fin_ends_a_body_without_a_length() {
    let stream = |talk: Talk| talk.asks(GET).waits(1).answers(UNTIL_CLOSE).waits(1250);
    let ended = "completed SI fin idle announced -";
    assert_eq!(summary(&stream(server()).closes()), format!("{ended} exact http"));
    assert_eq!(
        summary(&stream(client()).gets_fin()),
        format!("{ended} probable http"),
        "of what, it cannot see"
    );
    assert_eq!(by_client(stream), ["premature-hangup CR fin response unknown - exact http"; 2]);
    assert_eq!(judge(&stream(client()).closes()).in_flight, Some(1));
    assert_eq!(
        summary(&stream(client()).fails(104)),
        "premature-hangup SR rst response unknown - exact http"
    );
    let mut killed = stream(server()).closes();
    (killed.first.task.flags, killed.first.task.exit_code) = (4, 9);
    assert_eq!(summary(&killed), "premature-hangup SR fin response process-killed - exact http");
}

#[test]
fn an_early_answer_ends_the_exchange_where_the_client_has_it() {
    let early = |talk: Talk| {
        talk.asks("POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab")
            .answers("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    };
    let later = |talk: Talk| early(talk).waits(250);
    assert_eq!(by_server(later), ["completed SI fin idle early-response - exact http"; 2]);
    assert_eq!(by_client(later), ["completed CI fin idle early-response - exact http"; 2]);
    assert_eq!(summary(&later(client()).fails(104)), "completed SI rst idle early-response - exact http");
    // The reset reached a client that had not read its answer.
    let lost = early(client()).unread().fails(104);
    assert_eq!(summary(&lost), "premature-hangup SB rst request-body unread-data - exact http");
    assert!(judge(&lost).evidence.join(" ").contains("2 of 500 bytes"));
    assert_eq!(summary(&later(server()).resets()), "completed SI rst idle early-response - probable http");
    assert_eq!(
        summary(&early(server()).resets()),
        "premature-hangup SB rst request-body unread-data - probable http"
    );
}

#[test]
fn a_408_in_the_middle_of_a_request_names_the_servers_timer() {
    let timed_out = |talk: Talk| {
        talk.asks("POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\n")
            .waits(750)
            .answers("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
    };
    assert_eq!(
        by_server(timed_out),
        ["premature-hangup SB fin request-body request-timeout - exact http"; 2]
    );
    assert!(judge(&timed_out(server()).closes()).evidence.join(" ").contains("0 of 17 bytes"));
    // A client that closes at that is first on the wire, by no timer of its own.
    assert_eq!(
        by_client(timed_out),
        ["premature-hangup CB fin request-body request-timeout - exact http"; 2]
    );
    // Nor is leave to send the body that is not sent an answer.
    let with_leave = |talk: Talk| {
        talk.asks("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n")
            .answers("HTTP/1.1 100 Continue\r\n\r\n")
            .waits(750)
            .answers("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
    };
    assert_eq!(
        by_server(with_leave),
        ["premature-hangup SB fin request-body request-timeout - exact http"; 2]
    );
    // That it says `close` announced nothing to the request that it ends, though an exchange had gone before.
    let again = |talk: Talk| timed_out(talk.asks(GET).answers(OK).waits(50));
    assert_eq!(by_server(again), ["premature-hangup SB fin request-body request-timeout - exact http"; 2]);
}

#[test]
fn a_response_that_says_close_and_is_cut_short_announced_nothing_to_its_own_request() {
    let cut = |talk: Talk| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nabc";
        talk.asks(GET).answers(OK).waits(50).asks(GET).answers(head).waits(50)
    };
    assert_eq!(by_server(cut), ["premature-hangup SR fin response truncated - exact http"; 2]);
}

#[test]
fn a_client_that_only_stopped_sending_and_was_still_there_was_dropped_by_the_server() {
    let dropped = |asked: u32, held: u32| {
        let talk = client().asks(GET).waits(asked);
        let mut facts = talk.clone().stops_sending();
        talk.waits(held).fin_came().later(&mut facts, FIN_WAIT2, CLOSE);
        facts
    };
    assert_eq!(summary(&dropped(50, 10)), "premature-hangup SW fin waiting half-close - exact http");
    assert_eq!(summary(&dropped(500, 10)), "premature-hangup SW fin waiting half-close - exact http");
    // It may have been about to close: how its process closes others tells, and else how long it had waited.
    let (dropped_it, gave_up) = ("SW fin waiting half-close", "CW fin waiting unknown");
    for (asked, habit, closed) in [
        (50, None, dropped_it),
        (500, None, gave_up),
        (50, Some(ClosingHabit::TwoSteps), gave_up),
        (500, Some(ClosingHabit::StopsSending), dropped_it),
    ] {
        let facts = Facts { closing_habit: habit, ..dropped(asked, 1) };
        assert_eq!(summary(&facts), format!("premature-hangup {closed} - probable http"));
    }
    let mut facts = dropped(50, 1);
    // It had closed before the FIN came.
    if let Some(last) = &mut facts.last {
        last.flags |= 1;
    }
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - exact http");
    // In the midst of an answer, of which no more came.
    let talk = client().asks(GET).answers(EARLY).waits(50);
    let mut facts = talk.clone().stops_sending();
    talk.waits(10).fin_came().later(&mut facts, FIN_WAIT2, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup SR fin response half-close - exact http");
    // Its own process had waited for long enough (a relay that passes on a FIN, and closes later): no FIN came.
    let talk = client().asks(GET).waits(50);
    let mut facts = talk.clone().stops_sending();
    talk.waits(200).later(&mut facts, FIN_WAIT2, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - exact http");
    // The server cannot tell.
    let talk = server().asks(GET).waits(50);
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().later(&mut facts, CLOSE_WAIT, LAST_ACK);
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - probable http");
}

#[test]
fn a_fin_that_never_left_was_not_first() {
    let mut talk = client().asks("POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab");
    // Written, and not taken by the peer.
    talk.socket.write_seq = talk.socket.write_seq.wrapping_add(400);
    let mut facts = talk.clone().closes();
    talk.socket.write_seq = talk.socket.write_seq.wrapping_add(1);
    talk.socket.err = 104;
    talk.waits(100).later(&mut facts, FIN_WAIT1, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup SB rst request-body unknown - exact http");
    assert!(judge(&facts).evidence[0].contains("its FIN never left"), "{:?}", judge(&facts).evidence);
    // Data came for the orphan, and it was this end that reset.
    facts.resets.push(Reset { state: FIN_WAIT1, ..late_segment(&facts.first, 40, 0) });
    assert_eq!(summary(&facts), "premature-hangup CB rst request-body unknown - exact http");
}

#[test]
fn what_had_not_left_when_this_end_closed_is_read_when_it_has() {
    let bodies = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", "premature-hangup SR fin response truncated"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
            "premature-hangup SR fin response truncated",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Le", "premature-hangup SR fin response unknown"),
        (OK, "server-idle SI fin idle unknown"),
    ];
    for (body, want) in bodies {
        let talk = server().asks(GET).waits(1);
        let mut closing = talk.clone();
        closing.socket.write_seq = closing.socket.write_seq.wrapping_add(body.len() as u32);
        let mut facts = closing.closes();
        let mut sent = talk.answers(body);
        sent.socket.write_seq = sent.socket.write_seq.wrapping_add(1);
        sent.later(&mut facts, FIN_WAIT2, CLOSE);
        assert_eq!(summary(&facts), format!("{want} - exact http"), "{body}");
    }
}

#[test]
fn last_bytes_that_left_with_the_close_are_a_goodbye() {
    // An error message before an idle connection is closed, or a close_notify.
    let error = |talk: Talk| talk.served(1250).answers(OK).waits(2).unobserved();
    assert_eq!(by_server(error), ["server-idle SI fin idle unknown - probable turns"; 2]);
    // Its answer and its close.
    let answered = |talk: Talk| talk.asks(GET).waits(2).answers(OK).waits(1).unobserved();
    assert_eq!(by_server(answered), ["completed SI fin idle unknown - probable turns"; 2]);
    let quit = |talk: Talk| talk.served(1250).asks(GET).waits(2).unobserved();
    assert_eq!(by_client(quit), ["completed CI fin idle unknown - probable turns"; 2]);
    let mut killed = quit(client()).closes();
    (killed.first.task.flags, killed.first.task.exit_code) = (4, 9);
    assert_eq!(summary(&killed), "premature-hangup CW fin waiting process-killed - probable turns");
    assert!(
        judge(&error(server()).closes()).idle.is_some_and(|idle| idle > 5.0),
        "the error ends no silence"
    );
}

#[test]
fn a_server_that_closes_when_it_has_read_a_goodbye_hung_up_on_nothing() {
    let closed = |text: &str| server().served(1250).asks(text).waits(1).unobserved().closes();
    assert_eq!(summary(&closed("12345")), "completed SI fin idle unknown - probable turns");
    assert_eq!(
        summary(&closed("a query")),
        "completed SI fin idle unknown - probable turns",
        "as short as QUIT"
    );
    assert_eq!(summary(&closed("select 1")), "premature-hangup SW fin waiting unknown - probable turns");
}

#[test]
fn what_is_unread_behind_the_servers_answer_is_no_request() {
    let mut talk = server().asks("request+trailer").waits(1).answers("answer").waits(50).unobserved();
    talk.socket.copied_seq = talk.socket.copied_seq.wrapping_sub(7);
    assert_eq!(summary(&talk.stops_sending()), "server-idle SI fin idle unknown - probable turns");
}

#[test]
fn bytes_behind_a_response_are_said() {
    let stray = client().asks(GET).answers("HTTP/1.1 204 No Content\r\n\r\n").answers("{}").closes();
    let close = judge(&stray);
    assert_eq!(close.verdict, Verdict::Completed);
    assert!(close.evidence.iter().any(|line| line.starts_with("2 bytes came after")), "{:?}", close.evidence);
}

#[test]
fn a_request_after_an_announced_end_is_its_senders_own_mistake() {
    let again = |talk: Talk| talk.asks(GET).waits(1).answers(LAST_OK).waits(9).asks(GET).waits(1);
    assert_eq!(
        summary(&again(client()).unacked(0).gets_fin()),
        "completed SW fin waiting announced - exact http"
    );
    assert_eq!(
        summary(&again(server()).unread().resets()),
        "completed SW rst waiting announced - exact http"
    );
}

#[test]
fn requests_that_were_pipelined_before_the_last_answer_came_are_lost() {
    for last in [LAST_OK, UNTIL_CLOSE] {
        let lost = |talk: Talk| talk.asks(GET).asks(GET).asks(GET).waits(1).answers(last).waits(9);
        assert_eq!(
            by_server(lost),
            ["premature-hangup SW fin waiting announced - probable http"; 2],
            "{last}"
        );
        assert_eq!(judge(&lost(server()).closes()).in_flight, Some(2));
        let reset = [lost(server()).resets(), lost(client()).fails(104)].map(|facts| summary(&facts));
        if last == LAST_OK {
            assert_eq!(reset, ["premature-hangup SW rst waiting announced - probable http"; 2]);
            // The client that saw the last answer has nothing left to wait for: it did not give up.
            assert_eq!(by_client(lost), ["premature-hangup CW fin waiting announced - probable http"; 2]);
            let closed = judge(&lost(client()).closes());
            assert_eq!(loss(&closed), Some((Loss::Lost(LossReason::ServerHangup), 2)));
        }
    }
    // Within one tick of the clock the client's end cannot tell what was first.
    let at_once = client().asks(GET).asks(GET).answers(LAST_OK).gets_fin();
    assert_eq!(summary(&at_once), "completed SW fin waiting announced - probable http");
}

#[test]
fn a_server_whose_fin_waits_behind_an_answer_was_not_first() {
    let mut talk = server().asks(GET).waits(1).answers(EARLY).waits(9);
    talk = talk.keeps_back(7);
    let mut facts = talk.clone().closes();
    (facts.crossing_fins, facts.own_fin_waited) = (true, true);
    let mut rest = server().asks(GET).waits(1).answers(EARLY).waits(600).answers("7 bytes");
    rest.socket.write_seq = rest.socket.write_seq.wrapping_add(1);
    rest.socket.snd_nxt = rest.socket.write_seq;
    rest.later(&mut facts, CLOSING, CLOSE);
    assert_eq!(summary(&facts), "completed CR fin response half-close - exact http");
    assert!(judge(&facts).evidence[0].contains("its FIN waited"));
}

#[test]
fn a_client_that_gives_up_on_what_is_not_read_is_not_served_by_the_servers_fin() {
    let asked = |talk: Talk| talk.unobserved().served(9).asks(GET).waits(250);
    let mut facts = asked(server()).gets_fin();
    let mut closed = asked(server()).fin_came().waits(1);
    closed.socket.write_seq = closed.socket.write_seq.wrapping_add(1);
    closed.later(&mut facts, LAST_ACK, CLOSE);
    assert_eq!(summary(&facts), "premature-hangup CW fin waiting unknown - probable turns");
}

#[test]
fn a_listener_with_a_full_queue_may_reset_at_once() {
    let refused = |talk: Talk| {
        let mut facts = talk.unacked(0).fails(104);
        let mut exchange = facts.exchange.take().unwrap_or_else(|| Box::new(client().exchange));
        (exchange.reset_flags, exchange.reset_at) = (4, facts.first.header.jiffies);
        facts.exchange = Some(exchange);
        summary(&facts)
    };
    let said = "premature-hangup SW rst waiting not-accepted - probable http";
    assert_eq!(refused(client().asks(GET)), said);
    assert_eq!(refused(client()), "server-idle SU rst unused not-accepted - probable turns");
}

#[test]
fn a_last_answer_that_leaves_with_the_fin_announced_the_end_to_a_request_that_comes_then() {
    let mut talk = server().asks(GET).waits(1);
    talk.socket.write_seq = talk.socket.write_seq.wrapping_add(LAST_OK.len() as u32);
    let mut facts = talk.closes();
    let mut late = server().asks(GET).waits(1).answers(LAST_OK).waits(3).asks(GET);
    late.socket.write_seq = late.socket.write_seq.wrapping_add(1);
    let ack = late.socket.write_seq;
    late.later(&mut facts, FIN_WAIT2, CLOSE);
    facts.resets.push(late_segment(&facts.first, GET.len() as u32, ack));
    let close = judge(&facts);
    assert_eq!(summary(&facts), "completed SI fin idle announced - exact http");
    assert_eq!((close.idle, close.requests), (Some(0.0), Some(1)));
}

#[test]
fn a_request_that_leaves_with_the_clients_own_fin_has_begun() {
    let mut talk = client();
    talk.socket.write_seq = talk.socket.write_seq.wrapping_add(GET.len() as u32);
    let mut facts = talk.stops_sending();
    let mut sent = client().asks(GET);
    sent.socket.write_seq = sent.socket.write_seq.wrapping_add(1);
    let exchange = sent.exchange;
    sent.later(&mut facts, FIN_WAIT2, CLOSE);
    facts.exchange_after = Some(Box::new(exchange));
    let close = judge(&facts);
    assert_eq!((close.phase, close.requests_started), (Phase::Waiting, Some(1)));
}

#[test]
fn a_request_that_never_passed_the_probe_has_no_position() {
    // Its segment made the socket (TCP_DEFER_ACCEPT); whatever the numbers are that the connection begins with.
    for start in [1000, 0x7000_0000, 0xF000_0000] {
        let mut talk = Talk::begin(Role::Server, 5000, start, 0x1000_0000);
        talk.move_bytes(IN, 35);
        let cut = talk.waits(1).answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").waits(125).closes();
        assert_eq!(summary(&cut), "premature-hangup SR fin response truncated - probable http", "{start}");
    }
}

#[test]
fn one_tick_for_both_directions_falls_back_on_the_acknowledgments() {
    let tie = |pingpong, rcv_wup_behind: u32| {
        let mut talk = client().asks(GET).answers(OK).waits(250).unobserved();
        talk.socket.pingpong = pingpong;
        talk.socket.rcv_wup -= rcv_wup_behind;
        judge(&talk.gets_fin()).phase
    };
    assert_eq!(tie(1, 0), Phase::Waiting);
    assert_eq!(tie(0, 0), Phase::Idle);
    assert_eq!(tie(1, 5), Phase::Idle);
}

#[test]
fn a_close_of_an_older_connection_says_so_and_has_no_age() {
    let mut facts = server().served(1250).closes();
    (facts.preexisting, facts.opened_ns) = (true, None);
    let close = judge(&facts);
    assert!(close.preexisting && close.age.is_none());
    assert!(close.evidence.iter().any(|line| line.contains("older than the agent")), "{:?}", close.evidence);
}

#[test]
fn bytes_are_payload_counted_once() {
    let mut talk = server().served(1250);
    (talk.socket.bytes_sent, talk.socket.bytes_retrans) = (140, 40);
    let close = judge(&talk.clone().gets_fin());
    assert_eq!((close.bytes_sent, close.bytes_received), (100, GET.len() as u64));
    let mut facts = talk.clone().stops_sending();
    talk.asks(GET).fin_came().later(&mut facts, 5, CLOSE);
    assert_eq!(judge(&facts).bytes_received, 2 * GET.len() as u64);
}
