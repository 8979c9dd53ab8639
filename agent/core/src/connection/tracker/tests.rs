//! Open to close: what is counted, and what is reported of it.

use whohungup_ebpf::event::Transition;

use super::*;
use crate::close::sample::{COOKIE, GET, OK, OPENED_NS, PID, TICK, client, server};
use crate::identity::Process;
use crate::{close::facts, labels::Verdict};

mod adopt;
mod correlate;
mod dropped;
mod feed;
mod join;
mod late;
mod random;
mod requests;
mod retry;
mod settle;

use feed::{
    MS, SECOND, assert_balanced, begin, blaming, connect, exchange, feed, first, here, last, listen, met,
    met_listener, numbered, one, open, play, settle, settle_all, tracker,
};

#[test]
fn a_connection_is_counted_from_open_to_close_and_reported_once() {
    for talk in [client(), server()] {
        let mut tracker = tracker();
        begin(&mut tracker, &talk);
        let totals = tracker.totals();
        assert_eq!((totals.opened, totals.open, totals.closed), (1, 1, 0));
        let facts = talk.served(1250).closes();
        first(&mut tracker, &facts);
        let closed = one(settle(&mut tracker, u64::MAX >> 2));
        assert_eq!((closed.id.cookie, closed.role, closed.amends), (COOKIE, facts.role, false));
        assert_eq!(closed.phase.as_str(), "idle");
        assert_eq!(closed.age, Some(5.004));
        assert_eq!(closed.closed_by.and_then(|by| by.process.pid), Some(PID));
        let totals = tracker.totals();
        assert_eq!((totals.opened, totals.open, totals.closed, totals.opened_unseen), (1, 0, 1, 0));
        assert!(settle(&mut tracker, u64::MAX >> 2).is_empty() && settle_all(&mut tracker).is_empty());
        assert_balanced(&tracker);
    }
}

#[test]
fn a_close_whose_opening_was_lost_is_counted_and_judged_by_its_counters() {
    for talk in [client(), server()] {
        let mut tracker = tracker();
        let facts = talk.served(1250).closes();
        first(&mut tracker, &facts);
        let totals = tracker.totals();
        assert_eq!((totals.opened, totals.opened_unseen, totals.open), (1, 1, 1));
        let closed = one(settle_all(&mut tracker));
        assert_eq!((closed.role, closed.age), (facts.role, None));
        assert_balanced(&tracker);
    }
}

#[test]
fn the_tail_of_a_close_that_is_over_begins_nothing() {
    let mut tracker = tracker();
    for (old, new) in [
        (facts::CLOSE_WAIT, facts::LAST_ACK),
        (facts::LAST_ACK, facts::CLOSE),
        (facts::FIN_WAIT1, facts::CLOSE),
        (facts::FIN_WAIT2, facts::CLOSE),
        (facts::CLOSING, facts::CLOSE),
    ] {
        feed(&mut tracker, &server().served(9).ends(old, new).first);
    }
    assert_eq!(tracker.totals(), Totals::default());
}

#[test]
fn a_connection_that_fails_to_open_is_opened_and_closed() {
    let mut tracker = tracker();
    feed(&mut tracker, &connect(COOKIE, OPENED_NS));
    let mut facts = client().ends(facts::SYN_SENT, facts::CLOSE);
    facts.first.err = 111;
    first(&mut tracker, &facts);
    let closed = one(settle(&mut tracker, facts.first.header.ktime_ns + 20 * MS));
    assert_eq!((closed.verdict, closed.role), (Verdict::ConnectFailed, Role::Client));
    assert_eq!(closed.process.and_then(|process| process.pid), Some(PID));
    let totals = tracker.totals();
    assert_eq!((totals.opened, totals.opened_unseen, totals.closed), (1, 0, 1));
    assert_balanced(&tracker);
}

#[test]
fn open_connections_are_counted_by_role_and_state() {
    let mut tracker = tracker();
    feed(&mut tracker, &connect(1, OPENED_NS));
    begin(&mut tracker, &numbered(client(), 2));
    begin(&mut tracker, &numbered(server(), 3));
    let closing = numbered(server(), 4);
    play(&mut tracker, &closing.clone(), &closing.served(9).closes());
    let counted: Vec<_> =
        tracker.open_by_role_and_state().into_iter().filter(|&(_, _, count)| count > 0).collect();
    assert_eq!(
        counted,
        [
            (Role::Client, OpenState::Connecting, 1),
            (Role::Client, OpenState::Established, 1),
            (Role::Server, OpenState::Established, 1),
            (Role::Server, OpenState::Closing, 1),
        ]
    );
}

#[test]
fn a_server_without_a_known_worker_is_named_by_its_listener() {
    let mut tracker = tracker();
    feed(&mut tracker, &listen(100, true));
    assert_eq!(tracker.totals().listeners, 1);
    begin(&mut tracker, &server());
    feed(&mut tracker, &listen(100, false));
    assert_eq!(tracker.totals().listeners, 0);
    begin(&mut tracker, &numbered(server(), 8));
    for cookie in [COOKIE, 8] {
        let talk = if cookie == COOKIE { server() } else { numbered(server(), cookie) };
        first(&mut tracker, &talk.served(1250).gets_fin());
    }
    let reports = settle_all(&mut tracker);
    let named: Vec<_> = reports
        .iter()
        .map(|r| (r.id.cookie, r.process.map(|p| (p.pid, p.comm.as_str().as_bytes()[0]))))
        .collect();
    assert!(named.contains(&(COOKIE, Some((None, b'n')))) && named.contains(&(8, None)), "{named:?}");
}

#[test]
fn a_destroyer_is_not_taken_for_the_sockets_process() {
    let mut tracker = tracker();
    let mut facts = client().served(250).by_process().fails(103);
    facts.first.task.tgid = 99;
    play(&mut tracker, &client(), &facts);
    let closed = one(settle_all(&mut tracker));
    assert_eq!(closed.verdict, Verdict::HostAbort);
    assert_eq!(closed.process.and_then(|process| process.pid), Some(PID), "it connected");
    assert_eq!(closed.closed_by.and_then(|by| by.process.pid), Some(99));
}

#[test]
fn a_full_table_counts_each_connection_that_it_refuses_once() {
    let mut tracker = Tracker::new(Limits { connections: 1, recent: 8 }, Options::default(), TICK);
    begin(&mut tracker, &server());
    let second = numbered(client(), 8);
    play(&mut tracker, &second.clone(), &second.served(1250).closes());
    let totals = tracker.totals();
    assert_eq!((totals.opened, totals.open), (1, 1));
    assert_eq!((totals.untracked, totals.opened_unseen), (1, 0));
    let third = numbered(server(), 9);
    play(&mut tracker, &third.clone(), &third.served(1250).closes());
    assert_eq!((tracker.totals().untracked, tracker.totals().opened_unseen), (2, 0));
    assert_balanced(&tracker);
}

#[test]
fn a_full_table_follows_again_when_there_is_room() {
    let mut tracker = Tracker::new(Limits { connections: 1, recent: 8 }, Options::default(), TICK);
    play(&mut tracker, &server(), &server().served(9).closes());
    one(settle_all(&mut tracker));
    let next = numbered(server(), 8);
    begin(&mut tracker, &next);
    assert_eq!((tracker.totals().open, tracker.totals().untracked), (1, 0));
}

#[test]
fn an_error_reported_while_the_socket_lived_on_is_evidence() {
    use whohungup_ebpf::event::{ErrorReport, Kind};
    let mut tracker = tracker();
    begin(&mut tracker, &client());
    let header = crate::close::sample::header::<ErrorReport>(Kind::ErrorReport, COOKIE, OPENED_NS);
    feed(&mut tracker, &ErrorReport { header, err: 113, state: 1 });
    first(&mut tracker, &client().served(9).fails(110));
    let closed = one(settle_all(&mut tracker));
    assert!(closed.evidence.iter().any(|line| line.contains("error 113")), "{:?}", closed.evidence);
}

#[test]
fn a_state_of_the_messages_whose_step_was_lost_does_not_replace_the_one_at_the_close() {
    let mut tracker = tracker();
    let talk = server().served(1250);
    play(&mut tracker, &server(), &talk.clone().closes());
    // The transition between them was lost, what followed it was not.
    let later = talk.waits(3).asks(GET);
    feed(&mut tracker, &exchange(COOKIE, later.socket.header.ktime_ns, &later.exchange));
    assert_eq!(one(settle_all(&mut tracker)).verdict, Verdict::ServerIdle);
}

#[test]
fn a_socket_that_connects_again_at_once_is_two_connections() {
    // connect, refused, connect again on the same socket, all within the first close's grace.
    let mut tracker = tracker();
    feed(&mut tracker, &connect(COOKIE, OPENED_NS));
    let mut refused = client().ends(facts::SYN_SENT, facts::CLOSE);
    refused.first.err = 111;
    first(&mut tracker, &refused);
    let talk = client().waits(1);
    feed(&mut tracker, &connect(COOKIE, talk.socket.header.ktime_ns));
    feed(&mut tracker, &open(&talk, talk.socket.header.ktime_ns));
    let mut reports = settle(&mut tracker, talk.socket.header.ktime_ns + 20 * MS);
    let closed = talk.served(1250).closes();
    first(&mut tracker, &closed);
    reports.extend(settle_all(&mut tracker));
    let verdicts: Vec<_> = reports.iter().map(|closed| closed.verdict).collect();
    assert_eq!(verdicts, [Verdict::ConnectFailed, Verdict::ClientIdle]);
    let totals = tracker.totals();
    assert_eq!((totals.opened, totals.opened_unseen, totals.closed), (2, 0, 2));
    assert_balanced(&tracker);
}
