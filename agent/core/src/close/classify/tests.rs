use super::{
    super::{
        facts::{SYN_RECV, SYN_SENT},
        sample::{GET, OK, TICK, Talk, classified, classified_with, client, late_segment, server},
    },
    *,
};
use crate::close::ClosedConnection;
use crate::close::facts::{CLOSE, FIN_WAIT2};
use crate::labels::{Race, Role};

mod cause;
mod clock;
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
fn turns_tell_a_premature_end_too() {
    let waiting = |talk: Talk| talk.served(250).asks(GET).waits(250).unobserved();
    assert_eq!(by_server(waiting), ["premature-hangup SW fin waiting unknown - probable turns"; 2]);
    assert_eq!(by_client(waiting), ["premature-hangup CW fin waiting unknown - probable turns"; 2]);
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
    for (request, response) in [(LAST, OK), (GET, LAST_OK), (GET, "HTTP/1.1 200 OK\r\n\r\nbody")] {
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

#[test]
fn last_bytes_that_left_with_the_close_may_be_a_close_notify_and_decide_nothing() {
    let close_notify = |talk: Talk| talk.served(1250).answers(OK).waits(2).unobserved();
    assert_eq!(by_server(close_notify), ["unknown SI fin idle unknown - probable turns"; 2]);
    let request = |talk: Talk| talk.served(1250).asks(GET).waits(2).unobserved();
    assert_eq!(by_client(request), ["unknown CW fin waiting unknown - probable turns"; 2]);
    // No clock is read off bytes that may mean nothing.
    assert_eq!(judge(&close_notify(server()).closes()).idle, None);
    let apart = |talk: Talk| talk.served(1250).answers(OK).waits(3).unobserved();
    assert_eq!(by_server(apart), ["server-idle SI fin idle unknown - probable turns"; 2]);
}

#[test]
fn a_close_notify_that_the_process_has_not_read_yet_is_still_one() {
    // FIN and last bytes come in one segment: at the tracepoint no process can have read them.
    let close_notify = |talk: Talk| talk.served(1250).asks("0123456789012345678901234567890").unobserved();
    assert_eq!(summary(&close_notify(client()).closes()), "unknown CW fin waiting unknown - probable turns");
    assert_eq!(
        summary(&close_notify(server()).unread().gets_fin()),
        "unknown CW fin waiting unknown - probable turns"
    );
    let close_notify = |talk: Talk| talk.served(1250).answers("0123456789012345678901234567890").unobserved();
    assert_eq!(summary(&close_notify(server()).closes()), "unknown SI fin idle unknown - probable turns");
    assert_eq!(
        summary(&close_notify(client()).unread().gets_fin()),
        "unknown SI fin idle unknown - probable turns"
    );
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
