//! What comes after a close: by cookie, by a listener, by no socket.

use whohungup_ebpf::event::{Header, Reset};

use super::*;
use crate::{
    close::{
        Facts,
        facts::{CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN},
        sample::late_segment,
    },
    labels::Race,
};

const LISTENER: u64 = 100;

/// A server's idle close, and the three ways in which the kernel tells of one late request.
fn late_requests() -> (Facts, [Reset; 3]) {
    let facts = server().served(1250).closes();
    let late = late_segment(&facts.first, 35, facts.first.write_seq);
    (facts, [late, blaming(late, LISTENER, LISTEN), blaming(late, 0, 0)])
}

#[test]
fn a_request_within_the_second_makes_the_idle_close_a_race_however_it_shows() {
    let (facts, ways) = late_requests();
    for (way, late) in ways.iter().enumerate() {
        let mut tracker = tracker();
        play(&mut tracker, &server(), &facts);
        feed(&mut tracker, late);
        let closed = one(settle(&mut tracker, facts.first.header.ktime_ns + SECOND));
        assert_eq!((closed.verdict, closed.race), (Verdict::IdleRace, Some(Race::Crossed)), "{way}");
        assert!(!closed.amends, "{way}");
        assert_eq!((tracker.totals().late_requests, tracker.totals().late_strangers), (0, 0), "{way}");
        // Another one changes nothing.
        feed(&mut tracker, late);
        assert!(settle(&mut tracker, facts.first.header.ktime_ns + 2 * SECOND).is_empty(), "{way}");
    }
}

#[test]
fn a_request_after_the_report_amends_it_exactly_once() {
    let (facts, ways) = late_requests();
    let at = facts.first.header.ktime_ns;
    for (way, late) in ways.iter().enumerate() {
        let mut tracker = tracker();
        play(&mut tracker, &server(), &facts);
        assert_eq!(one(settle(&mut tracker, at + SECOND)).verdict, Verdict::ServerIdle);
        let mut late = *late;
        late.header.ktime_ns = at + 10 * SECOND;
        feed(&mut tracker, &late);
        let closed = one(settle(&mut tracker, at + 10 * SECOND));
        assert!(closed.amends, "{way}");
        assert_eq!((closed.id.cookie, closed.verdict), (COOKIE, Verdict::IdleRace), "{way}");
        let why = &closed.evidence[0];
        assert!(why.contains("server-idle") && why.contains("10.0 s after"), "{why}");
        feed(&mut tracker, &late);
        assert!(settle(&mut tracker, at + 11 * SECOND).is_empty(), "{way}");
        assert_eq!(tracker.totals().late_requests, 2, "{way}");
        assert_eq!(tracker.totals().closed, 1, "an amendment is no second close");
        assert_balanced(&tracker);
    }
}

/// An NTP step between the two must not make them two closes.
#[test]
fn an_amendment_has_the_id_and_the_time_of_what_it_amends_whatever_the_wall_clock_does() {
    let (facts, [late, ..]) = late_requests();
    let at = facts.first.header.ktime_ns;
    let mut tracker = tracker();
    tracker.set_wall_ahead(1_800_000_000 * SECOND as i64);
    play(&mut tracker, &server(), &facts);
    let first = one(settle(&mut tracker, at + SECOND));
    tracker.set_wall_ahead(1_700_000_000 * SECOND as i64);
    feed(&mut tracker, &Reset { header: Header { ktime_ns: at + 3 * SECOND, ..late.header }, ..late });
    let second = one(settle(&mut tracker, at + 3 * SECOND));
    assert_eq!((first.amends, second.amends), (false, true));
    assert_eq!((second.id, second.time), (first.id, first.time));
    let since_epoch = i128::from(1_800_000_000 * SECOND + at);
    assert_eq!(first.time.as_nanosecond(), since_epoch);
}

/// Set by hand, or by NTP after a suspend, while a connection is open.
#[test]
fn a_clock_that_is_set_changes_the_time_of_a_close_and_nothing_else() {
    let (facts, _) = late_requests();
    let at = facts.first.header.ktime_ns;
    let played = |steps: [i64; 2]| {
        let mut tracker = tracker();
        tracker.set_wall_ahead(steps[0] * SECOND as i64);
        play(&mut tracker, &server(), &facts);
        tracker.set_wall_ahead(steps[1] * SECOND as i64);
        one(settle(&mut tracker, at + SECOND))
    };
    let steady = played([1_800_000_000, 1_800_000_000]);
    for now in [1_800_003_600, 1_799_996_400, 0] {
        let mut stepped = played([1_800_000_000, now]);
        let since_epoch = i128::from(now) * i128::from(SECOND) + i128::from(at);
        assert_eq!(stepped.time.as_nanosecond(), since_epoch);
        (stepped.time, stepped.id) = (steady.time, steady.id);
        assert_eq!(format!("{stepped:?}"), format!("{steady:?}"), "by {now}");
    }
}

#[test]
fn a_close_is_forgotten_when_its_time_wait_socket_is_gone() {
    let (facts, ways) = late_requests();
    let settled = facts.first.header.ktime_ns + SECOND;
    for (after, recent) in [(65, 1), (66, 0)] {
        let mut tracker = tracker();
        play(&mut tracker, &server(), &facts);
        one(settle(&mut tracker, settled));
        assert!(settle(&mut tracker, settled + after * SECOND).is_empty());
        assert_eq!(tracker.totals().recent, recent);
        for late in &ways {
            feed(&mut tracker, late);
        }
        let totals = tracker.totals();
        assert_eq!((totals.late_requests, totals.late_strangers), (3 * recent, 3 - 3 * recent));
    }
}

#[test]
fn late_segments_without_payload_and_closes_that_nothing_can_meet_are_let_be() {
    let (facts, _) = late_requests();
    let mut tracker = tracker();
    play(&mut tracker, &server(), &facts);
    feed(&mut tracker, &late_segment(&facts.first, 0, facts.first.write_seq));
    assert_eq!(one(settle_all(&mut tracker)).verdict, Verdict::ServerIdle);
    let other = numbered(client(), 8);
    play(&mut tracker, &other.clone(), &other.served(9).fails(104));
    one(settle_all(&mut tracker));
    assert_eq!(tracker.totals().recent, 1, "only the own close may be met");
}

#[test]
fn a_stale_request_on_an_abandoned_connection_amends_its_report_once() {
    let talk = client().served(1250);
    let mut facts = talk.clone().gets_fin();
    let at = facts.first.header.ktime_ns;
    for end in [CLOSE, LAST_ACK] {
        let mut tracker = tracker();
        play(&mut tracker, &client(), &facts);
        assert_eq!(one(settle(&mut tracker, at + 5 * SECOND)).verdict, Verdict::ServerIdle);
        talk.clone().fin_came().waits(2500).asks(GET).later(&mut facts, CLOSE_WAIT, end);
        last(&mut tracker, &facts);
        let closed = one(settle(&mut tracker, at + 11 * SECOND));
        assert!(closed.amends);
        assert_eq!((closed.verdict, closed.race), (Verdict::IdleRace, Some(Race::Stale)));
        let why = &closed.evidence[0];
        assert!(why.contains("10.0 s after"), "{why}");
        last(&mut tracker, &facts);
        assert!(settle(&mut tracker, at + 14 * SECOND).is_empty());
        assert_balanced(&tracker);
    }
}

#[test]
fn an_abandoned_connection_that_is_closed_in_order_is_not_reported_again() {
    let talk = client().served(1250);
    let facts = talk.clone().gets_fin();
    let mut tracker = tracker();
    play(&mut tracker, &client(), &facts);
    one(settle(&mut tracker, facts.first.header.ktime_ns + 5 * SECOND));
    feed(&mut tracker, &talk.fin_came().waits(2500).ends(CLOSE_WAIT, LAST_ACK).first);
    assert!(settle(&mut tracker, u64::MAX >> 2).is_empty());
    assert_eq!((tracker.totals().open, tracker.totals().closed), (0, 1));
}

#[test]
fn scans_are_counted_and_leave_no_memory() {
    let mut tracker = tracker();
    feed(&mut tracker, &listen(LISTENER, true));
    let known = tracker.totals();
    for number in 0..5000_u64 {
        let stray = numbered(server(), number).served(1).closes().first;
        let late = late_segment(&stray, 35, 0);
        feed(&mut tracker, &blaming(late, 0, 0));
        feed(&mut tracker, &blaming(late, LISTENER, LISTEN));
        feed(&mut tracker, &blaming(late_segment(&stray, 0, 0), LISTENER, LISTEN));
        feed(&mut tracker, &blaming(late, number, 6));
    }
    assert!(settle_all(&mut tracker).is_empty());
    assert_eq!(tracker.totals(), Totals { late_strangers: 15_000, ..known });
    assert!(tracker.pending_ends.is_empty() && tracker.due.is_empty() && tracker.connections.is_empty());
}

#[test]
fn closes_that_may_be_met_late_are_remembered_up_to_the_limit() {
    let mut tracker = Tracker::new(Limits { connections: 100, recent: 3 }, Options::default(), TICK);
    for cookie in 1..=10 {
        let talk = numbered(server(), cookie);
        play(&mut tracker, &talk.clone(), &talk.served(1250).closes());
        one(settle_all(&mut tracker));
    }
    let totals = tracker.totals();
    assert_eq!((totals.recent, totals.recent_evicted), (3, 7));
    for (cookie, joined) in [(7, 0), (8, 1)] {
        let first = numbered(server(), cookie).served(1250).closes().first;
        feed(&mut tracker, &blaming(late_segment(&first, 35, 0), 0, 0));
        assert_eq!(tracker.totals().late_requests, joined, "{cookie}");
    }
}

#[test]
fn a_port_used_again_while_the_first_close_is_pending_is_not_forgotten_with_it() {
    let mut tracker = tracker();
    let first_close = server().served(1250).resets();
    play(&mut tracker, &server(), &first_close);
    // The same addresses, another socket, 400 ms later.
    let mut again = server();
    again.socket.header.cookie = 8;
    let second_close = again.clone().served(1350).closes();
    play(&mut tracker, &again, &second_close);
    one(settle(&mut tracker, first_close.first.header.ktime_ns + SECOND));
    let late = late_segment(&second_close.first, 35, second_close.first.write_seq);
    feed(&mut tracker, &blaming(late, LISTENER, LISTEN));
    let closed = one(settle(&mut tracker, second_close.first.header.ktime_ns + SECOND));
    assert_eq!((closed.id.cookie, closed.verdict), (8, Verdict::IdleRace));
    assert!(tracker.pending_ends.is_empty());
}
