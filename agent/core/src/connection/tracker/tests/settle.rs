//! When a close is reported: not before what could change it has had its time.

use super::*;
use crate::close::{
    Facts,
    facts::{CLOSE, CLOSE_WAIT, FIN_WAIT1, FIN_WAIT2, LAST_ACK},
    sample::Talk,
};

/// Asserts that what was played is reported at `due_ns` and not one ns before.
fn due_at(tracker: &mut Tracker, due_ns: u64) -> ClosedConnection {
    assert!(settle(tracker, due_ns - 1).is_empty(), "too early");
    let closed = one(settle(tracker, due_ns));
    assert_eq!(tracker.totals().open, 0);
    assert_balanced(tracker);
    closed
}

fn played(talk: &Talk, facts: &Facts) -> (Tracker, u64) {
    let mut tracker = tracker();
    play(&mut tracker, talk, facts);
    (tracker, facts.first.header.ktime_ns)
}

#[test]
fn an_own_close_is_held_for_a_second() {
    for facts in [server().served(1250).closes(), server().served(1250).resets()] {
        let (mut tracker, at) = played(&server(), &facts);
        assert_eq!(due_at(&mut tracker, at + SECOND).verdict, Verdict::ServerIdle);
    }
}

#[test]
fn an_own_close_that_goes_on_is_held_no_longer_than_its_last_step_asks() {
    let (mut tracker, at) = played(&server(), &server().served(1250).closes());
    let mut end = server().served(1250).waits(100).ends(FIN_WAIT2, CLOSE).first;
    feed(&mut tracker, &end);
    assert!(settle(&mut tracker, at + SECOND - 1).is_empty());
    // A step after the second has begun to run out moves it on.
    end.header.ktime_ns = at + SECOND - 5 * MS;
    feed(&mut tracker, &end);
    due_at(&mut tracker, at + SECOND + 15 * MS);
}

#[test]
fn an_own_close_that_failed_is_over_at_once() {
    let (mut tracker, _) = played(&server(), &server().served(1250).closes());
    let mut end = server().served(1250).waits(10).ends(FIN_WAIT1, CLOSE).first;
    end.err = 104;
    feed(&mut tracker, &end);
    due_at(&mut tracker, end.header.ktime_ns + 20 * MS);
}

#[test]
fn a_reset_or_a_time_out_is_over_at_once() {
    for err in [103, 104, 110] {
        let (mut tracker, at) = played(&client(), &client().served(1250).fails(err));
        due_at(&mut tracker, at + 20 * MS);
    }
}

#[test]
fn an_answered_fin_waits_for_four_round_trips_within_bounds() {
    for (srtt_ms, wait_ms) in [(0, 50), (5, 50), (100, 400), (5000, 2000)] {
        let talk = client().served(1250);
        let (mut tracker, _) = played(&client(), &talk.clone().gets_fin());
        let mut answer = talk.fin_came().waits(10).ends(CLOSE_WAIT, LAST_ACK).first;
        answer.srtt_us = srtt_ms * 1000 * 8;
        feed(&mut tracker, &answer);
        due_at(&mut tracker, answer.header.ktime_ns + wait_ms * MS);
    }
}

#[test]
fn a_half_close_waits_for_its_end_or_a_minute() {
    let talk = client().asks(GET).waits(5);
    let (mut tracker, at) = played(&client(), &talk.clone().stops_sending());
    assert_eq!(due_at(&mut tracker, at + 60 * SECOND).verdict, Verdict::Unknown);

    let mut facts = talk.clone().stops_sending();
    let (mut tracker, _) = played(&client(), &facts);
    talk.waits(250).answers(OK).fin_came().later(&mut facts, FIN_WAIT2, CLOSE);
    last(&mut tracker, &facts);
    let end = facts.last.expect("set").header.ktime_ns;
    assert_eq!(due_at(&mut tracker, end + 20 * MS).verdict, Verdict::Completed);
}

#[test]
fn a_pool_that_leaves_an_idle_closed_connection_lying_is_reported_after_five_seconds() {
    let (mut tracker, at) = played(&client(), &client().served(1250).gets_fin());
    assert_eq!(due_at(&mut tracker, at + 5 * SECOND).verdict, Verdict::ServerIdle);
    let (mut tracker, at) = played(&server(), &server().waits(1250).gets_fin());
    assert_eq!(due_at(&mut tracker, at + 5 * SECOND).verdict, Verdict::ClientIdle);
}

#[test]
fn a_peer_that_closed_its_side_in_flight_is_reported_when_this_end_decides() {
    let talk = server().asks(GET).waits(5);
    let mut facts = talk.clone().gets_fin();
    let (mut tracker, at) = played(&server(), &facts);
    assert!(settle(&mut tracker, at + 3600 * SECOND).is_empty(), "the server is still at work");
    assert_eq!(tracker.totals().open, 1);
    talk.fin_came().waits(1_000_000).answers(OK).later(&mut facts, CLOSE_WAIT, LAST_ACK);
    last(&mut tracker, &facts);
    let end = facts.last.expect("set").header.ktime_ns;
    assert_eq!(due_at(&mut tracker, end + 50 * MS).verdict, Verdict::Completed);
}

#[test]
fn two_fins_that_cross_are_reported_as_both() {
    let talk = server().served(1250);
    let (mut tracker, at) = played(&server(), &talk.clone().closes());
    feed(&mut tracker, &talk.fin_came().ends(FIN_WAIT1, facts::CLOSING).first);
    assert_eq!(due_at(&mut tracker, at + SECOND).code.to_string(), "BI");
}

#[test]
fn the_end_of_the_agent_settles_what_is_pending_and_leaves_what_is_open() {
    let mut tracker = tracker();
    let later = numbered(server(), 8).served(1500).closes();
    play(&mut tracker, &numbered(server(), 8), &later);
    play(&mut tracker, &server(), &server().served(1250).closes());
    begin(&mut tracker, &numbered(server(), 9));
    let order: Vec<_> = settle_all(&mut tracker).iter().map(|closed| closed.id.cookie).collect();
    assert_eq!(order, [COOKIE, 8], "in the order in which they closed");
    assert_eq!(tracker.totals().open, 1);
    assert_balanced(&tracker);
}

#[test]
fn what_waits_is_not_yet_complete_and_a_socket_that_lives_on_holds_nothing_up_for_ever() {
    let complete = |tracker: &Tracker, now_ns: u64| tracker.complete_until(now_ns).as_nanosecond() as u64;
    let (mut tracker, at) = played(&client(), &client().asks(GET).waits(5).stops_sending());
    assert!(settle(&mut tracker, at + 10 * SECOND).is_empty());
    assert!(complete(&tracker, at + 10 * SECOND) <= at);
    assert_eq!(one(settle(&mut tracker, at + 61 * SECOND)).at_ns, at);
    assert_eq!(complete(&tracker, at + 61 * SECOND), at + 61 * SECOND - 20 * MS);

    // Only what the process does with its socket settles this one.
    let (mut tracker, at) = played(&server(), &server().asks(GET).waits(5).gets_fin());
    assert!(settle(&mut tracker, at + 100 * SECOND).is_empty());
    assert!(complete(&tracker, at + 50 * SECOND) <= at);
    assert!(complete(&tracker, at + 100 * SECOND) > at + 30 * SECOND);
}
