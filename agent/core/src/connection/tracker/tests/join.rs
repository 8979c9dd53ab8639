//! Both ends of a connection on this host.

use super::*;
use crate::{
    close::{
        Facts,
        sample::{GET, Talk, late_segment},
    },
    labels::{Cause, Closer, Confidence, Phase, Race},
};

/// Cookies of the two ends.
const SERVER: u64 = 1;
const CLIENT: u64 = 2;

fn at(cookie: u64, mut talk: Talk) -> Talk {
    talk.socket.header.cookie = cookie;
    talk
}

fn both(
    tracker: &mut Tracker,
    mut server_end: Facts,
    mut client_end: Facts,
) -> (ClosedConnection, ClosedConnection) {
    for (facts, cookie, talk) in [(&mut server_end, SERVER, server()), (&mut client_end, CLIENT, client())] {
        facts.first.header.cookie = cookie;
        begin(tracker, &at(cookie, talk));
    }
    first(tracker, &server_end);
    first(tracker, &client_end);
    for (facts, cookie) in [(&mut server_end, SERVER), (&mut client_end, CLIENT)] {
        if let Some(step) = &mut facts.last {
            step.header.cookie = cookie;
            last(tracker, facts);
        }
    }
    let mut closes = Vec::new();
    let from = client_end.first.header.ktime_ns;
    for step in 0..400 {
        closes.extend(settle(tracker, from + step * 25 * MS));
    }
    assert!(tracker.pairs.is_empty(), "{:?}", tracker.pairs);
    let take = |cookie| {
        let mut of_end = closes.iter().filter(|close| close.id.cookie == cookie);
        let close = of_end.next().expect("a report").clone();
        assert!(of_end.next().is_none(), "one report of each end");
        close
    };
    (take(SERVER), take(CLIENT))
}

/// Gets the server's FIN, and closes.
fn gives_up(talk: Talk) -> Facts {
    let mut facts = talk.clone().gets_fin();
    talk.fin_came().waits(1).later(&mut facts, 8, 9);
    facts
}

#[test]
fn the_end_that_closed_gives_its_cause_to_the_other() {
    let mut killed = server().asks(GET).waits(9).closes();
    (killed.first.task.flags, killed.first.task.exit_code) = (4, 9);
    let (server_end, client_end) = both(&mut tracker(), killed, gives_up(client().asks(GET).waits(9)));
    assert_eq!((server_end.cause, client_end.cause), (Cause::ProcessKilled, Cause::ProcessKilled));
    assert!(client_end.evidence.iter().any(|line| line.contains("other end is on this host")));
}

/// A relay ends idle sessions of a database that says when nothing is open, and clients do not look before they ask.
#[test]
fn that_nothing_was_open_denies_no_query_behind_the_fin() {
    const QUERY: &[u8] = b"Q\0\0\0\x0dselect 1\0";
    let session = |talk: Talk| {
        let greeted = talk.in_another_protocol().asks_raw(b"\0\0\0\x09\0\x03\0\0\0").waits(1);
        let ready = greeted.answers_raw(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").waits(1).asks_raw(QUERY).waits(1);
        ready.answers_raw(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I").waits(375)
    };
    let talk = session(client());
    let mut at_client = talk.clone().gets_fin();
    talk.fin_came().waits(125).asks_raw(QUERY).later(&mut at_client, 8, 9);
    let (server_end, client_end) = both(&mut tracker(), session(server()).closes(), at_client);
    for end in [server_end, client_end] {
        assert_eq!((end.verdict, end.race), (Verdict::IdleRace, Some(Race::Stale)), "{:?}", end.role);
        assert_eq!(end.confidence, Confidence::Probable);
    }
}

#[test]
fn a_request_that_the_server_had_not_read_is_a_race_at_the_client_too() {
    let asked = |talk: Talk| talk.served(1250).asks(GET);
    let unread = asked(server()).unread().waits(600).resets();
    let (server_end, client_end) = both(&mut tracker(), unread, asked(client()).waits(600).fails(104));
    for close in [&server_end, &client_end] {
        assert_eq!((close.verdict, close.race), (Verdict::IdleRace, Some(Race::Unread)), "{close:?}");
    }
    assert_eq!(client_end.confidence, Confidence::Exact);
}

#[test]
fn a_request_that_the_server_had_begun_to_read_is_no_race_at_the_client() {
    let asked = |talk: Talk| talk.served(1250).asks(GET);
    let mut read = asked(server()).unread().waits(1);
    read.socket.copied_seq = read.socket.copied_seq.wrapping_add(1);
    let (server_end, client_end) = both(&mut tracker(), read.resets(), asked(client()).waits(1).fails(104));
    assert_eq!(
        (server_end.verdict, client_end.verdict),
        (Verdict::PrematureHangup, Verdict::PrematureHangup)
    );
}

#[test]
fn a_client_that_only_stopped_sending_tells_the_server() {
    let talk = client().asks(GET).waits(50);
    let mut half = talk.clone().stops_sending();
    talk.waits(1).fin_came().later(&mut half, 5, 7);
    let talk = server().asks(GET).waits(50);
    let mut dropped = talk.clone().gets_fin();
    talk.fin_came().later(&mut dropped, 8, 9);
    let (server_end, client_end) = both(&mut tracker(), dropped, half);
    for close in [&server_end, &client_end] {
        assert_eq!((close.closer, close.cause), (Closer::Server, Cause::HalfClose), "{close:?}");
    }
}

#[test]
fn a_client_that_stops_sending_at_once_raced_no_timer_of_its_own() {
    let asked = |talk: Talk| talk.served(1250).asks(GET);
    let mut stopped = asked(client()).stops_sending();
    asked(client()).fin_came().waits(3).later(&mut stopped, 5, 7);
    let (server_end, client_end) = both(&mut tracker(), gives_up(asked(server())), stopped);
    for close in [&server_end, &client_end] {
        assert_eq!((close.verdict, close.race), (Verdict::PrematureHangup, None), "{close:?}");
        assert_eq!((close.closer, close.cause), (Closer::Server, Cause::HalfClose));
    }
}

#[test]
fn an_early_answer_that_the_client_has_is_no_loss_at_the_servers_end_either() {
    const UPLOAD: &str = "POST / HTTP/1.1\r\nContent-Length: 500\r\n\r\nab";
    let refused =
        |talk: Talk| talk.asks(UPLOAD).answers("HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n").waits(1);
    let mut unread = refused(server());
    unread.socket.copied_seq = unread.socket.copied_seq.wrapping_sub(2);
    let (server_end, client_end) = both(&mut tracker(), unread.resets(), refused(client()).fails(104));
    for close in [&server_end, &client_end] {
        assert_eq!((close.verdict, close.cause), (Verdict::Completed, Cause::EarlyResponse), "{close:?}");
    }
}

#[test]
fn a_process_that_exits_in_an_answer_says_so_at_both_ends() {
    let cut = |talk: Talk| talk.asks(GET).answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").waits(1);
    let mut exits = cut(server()).closes();
    exits.first.task.flags = 4;
    let (server_end, client_end) = both(&mut tracker(), exits, gives_up(cut(client())));
    assert_eq!((server_end.cause, client_end.cause), (Cause::ProcessExit, Cause::ProcessExit));
}

#[test]
fn a_fin_that_waited_when_the_peers_came_was_not_first() {
    let mut tracker = tracker();
    let talk = at(SERVER, server());
    begin(&mut tracker, &talk);
    let mut facts = at(SERVER, server())
        .asks(GET)
        .answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
        .keeps_back(7)
        .closes();
    first(&mut tracker, &facts);
    let mut crossed = facts.first;
    (crossed.old_state, crossed.new_state) = (4, 11);
    crossed.write_seq = crossed.write_seq.wrapping_add(1);
    facts.last = Some(crossed);
    last(&mut tracker, &facts);
    let known = tracker.connections.get(&SERVER).and_then(|one| one.facts()).expect("pending");
    assert!(known.own_fin_waited && known.crossing_fins);
}

#[test]
fn two_sockets_with_the_same_addresses_are_not_always_one_connection() {
    let mut killed = server().asks(GET).waits(9).closes();
    (killed.first.task.flags, killed.first.task.exit_code) = (4, 9);
    let elsewhere = gives_up(Talk::begin(Role::Client, 5000, 0x7000_0000, 0x1000_0000).asks(GET).waits(9));
    let (_, client_end) = both(&mut tracker(), killed, elsewhere);
    assert_eq!(client_end.cause, Cause::Unknown);
}

#[test]
fn a_loss_that_the_client_proves_amends_what_the_server_had_reported() {
    for apart in [0, 1] {
        a_loss_amends_what_the_server_had_reported(apart);
    }
}

/// The client is so many network namespaces away.
fn a_loss_amends_what_the_server_had_reported(apart: u32) {
    let mut tracker = tracker();
    let idle = |talk: Talk| talk.served(1250).unobserved();
    let away = |mut talk: Talk| {
        talk.socket.netns += apart;
        talk
    };
    let client = || away(client());
    let mut server_end = idle(server()).closes();
    server_end.first.header.cookie = SERVER;
    let mut client_end = idle(client()).gets_fin();
    client_end.first.header.cookie = CLIENT;
    play(&mut tracker, &at(SERVER, server()), &server_end);
    play(&mut tracker, &at(CLIENT, client()), &client_end);
    let began = server_end.first.header.ktime_ns;
    let reported = one(settle(&mut tracker, began + 2 * SECOND));
    assert_eq!((reported.id.cookie, reported.verdict), (SERVER, Verdict::ServerIdle));
    // A short query, out of the reach of the probe at the server's end.
    let mut late = late_segment(&server_end.first, 20, server_end.first.write_seq + 1);
    late.header.ktime_ns = began + 3 * SECOND;
    feed(&mut tracker, &late);
    at(CLIENT, idle(client())).fin_came().waits(750).asks("SELECT 1").later(&mut client_end, 8, 9);
    last(&mut tracker, &client_end);
    let closes = settle(&mut tracker, began + 5 * SECOND);
    let verdicts: Vec<_> =
        closes.iter().map(|close| (close.id.cookie, close.amends, close.verdict)).collect();
    assert!(verdicts.contains(&(CLIENT, false, Verdict::IdleRace)), "{verdicts:?}");
    assert!(
        settle(&mut tracker, began + 6 * SECOND).iter().chain(&closes).any(|close| close.amends),
        "{verdicts:?}"
    );
}

/// Both ends of one connection take their first step.
fn begin_to_end(tracker: &mut Tracker, at_server: &mut Facts, at_client: &mut Facts) {
    for (facts, cookie, talk) in [(at_server, SERVER, server()), (at_client, CLIENT, client())] {
        facts.first.header.cookie = cookie;
        begin(tracker, &at(cookie, talk));
        first(tracker, facts);
    }
}

/// The server's end is settled at once when the client's can send no more, and waits for what is on its way.
#[test]
fn a_server_waits_for_late_requests_only_as_long_as_the_client_can_have_sent_one() {
    for (unacked, early) in [(0, 1), (35, 0)] {
        let mut tracker = tracker();
        let mut closed = server().served(9).by_process().closes();
        let mut left = gives_up(client().served(9));
        begin_to_end(&mut tracker, &mut closed, &mut left);
        let step = left.last.as_mut().expect("it closes");
        (step.header.cookie, step.shutdown) = (CLIENT, 3);
        step.snd_una = step.write_seq.wrapping_sub(unacked);
        let began = step.header.ktime_ns;
        last(&mut tracker, &left);
        let mut reports = settle(&mut tracker, began + 55 * MS);
        let of_server = |close: &&ClosedConnection| close.id.cookie == SERVER;
        assert_eq!(reports.iter().filter(of_server).count(), early, "{unacked}");
        feed(&mut tracker, &late_segment(&closed.first, unacked, closed.first.write_seq));
        reports.extend(settle(&mut tracker, began + 3 * SECOND));
        let server_end = reports.iter().find(of_server).expect("a report");
        let expected = if unacked == 0 { Verdict::ServerIdle } else { Verdict::IdleRace };
        assert_eq!(server_end.verdict, expected, "{server_end:?}");
    }
}

/// Both ends fall due in the same moment: the one that closed is settled first, as what it finds out around it is the cause at
/// both.
#[test]
fn a_shutdown_is_the_cause_at_the_client_too() {
    let mut tracker = tracker();
    feed(&mut tracker, &listen(100, true));
    let mut closed = server().served(9).by_process().closes();
    let mut left = gives_up(client().served(9));
    begin_to_end(&mut tracker, &mut closed, &mut left);
    let mut ended = listen(100, false);
    ended.header.ktime_ns = closed.first.header.ktime_ns + MS;
    feed(&mut tracker, &ended);
    let step = left.last.as_mut().expect("it closes");
    (step.header.cookie, step.shutdown, step.snd_una) = (CLIENT, 3, step.write_seq);
    let began = step.header.ktime_ns;
    last(&mut tracker, &left);
    let mut reports = settle(&mut tracker, began + 60 * MS);
    reports.extend(settle(&mut tracker, began + 85 * MS));
    let causes: Vec<_> = reports.iter().map(|close| (close.role, close.cause)).collect();
    assert_eq!(causes, [(Role::Server, Cause::Shutdown), (Role::Client, Cause::Shutdown)]);
}

#[test]
fn a_half_close_behind_an_announced_end_is_one_verdict() {
    let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    let asked = |talk: Talk| talk.asks(GET).answers(last).waits(1).asks(GET);
    let mut half = asked(client()).stops_sending();
    asked(client()).waits(1).fin_came().later(&mut half, 5, 7);
    let mut dropped = asked(server()).gets_fin();
    asked(server()).fin_came().later(&mut dropped, 8, 9);
    let (server_end, client_end) = both(&mut tracker(), dropped, half);
    let summary = |close: &ClosedConnection| (close.closer, close.verdict, close.cause);
    assert_eq!(summary(&server_end), summary(&client_end));
}

#[test]
fn the_phase_is_the_closers_where_more_was_under_way() {
    let head = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ";
    let server_end = server().asks(head).waits(1).closes();
    let client_end = gives_up(client().asks(head).asks("x\r\n\r\n").waits(1));
    let (server_end, client_end) = both(&mut tracker(), server_end, client_end);
    assert_eq!((server_end.phase, client_end.phase), (Phase::RequestHead, Phase::RequestHead));
    assert_eq!(server_end.code, client_end.code);
}

#[test]
fn how_a_process_closes_its_connections_tells_what_a_fin_between_its_two_steps_means() {
    let between = |cookie: u64| {
        let talk = at(cookie, client().asks(GET).waits(500).by_process());
        let mut facts = talk.clone().stops_sending();
        talk.waits(1).fin_came().later(&mut facts, 5, 7);
        facts
    };
    let play = |tracker: &mut Tracker, facts: &Facts| {
        begin(tracker, &at(facts.first.header.cookie, client()));
        first(tracker, facts);
        last(tracker, facts);
        one(settle_all(tracker)).closer
    };
    let mut tracker = tracker();
    assert_eq!(play(&mut tracker, &between(6)), Closer::Client, "it had waited for 2 s");
    let talk = at(7, client().asks(GET).waits(5).by_process());
    let mut reads_on = talk.clone().stops_sending();
    talk.waits(250).answers("HTTP/1.1 204 No Content\r\n\r\n").fin_came().later(&mut reads_on, 5, 7);
    play(&mut tracker, &reads_on);
    assert_eq!(play(&mut tracker, &between(10)), Closer::Server);
    let talk = at(8, client().served(1250).by_process());
    let mut in_two_steps = talk.clone().stops_sending();
    talk.later(&mut in_two_steps, 5, 7);
    if let Some(last) = &mut in_two_steps.last {
        // SOCK_DEAD
        last.flags |= 1;
    }
    play(&mut tracker, &in_two_steps);
    assert_eq!(play(&mut tracker, &between(9)), Closer::Client);
}
