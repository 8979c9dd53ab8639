//! Races that a retry hides.

use whohungup_ebpf::exchange::Exchange;

use super::*;
use crate::close::sample::{TICK_NS, Talk};

/// Names itself, so that it is known when it comes again.
const NAMED: &str = "POST / HTTP/1.1\r\nIdempotency-Key: 7d1c52e04a9b\r\nContent-Length: 0\r\n\r\n";
const OTHER: &str = "POST / HTTP/1.1\r\nIdempotency-Key: 7d1c52e04a9c\r\nContent-Length: 0\r\n\r\n";
const SERVER_RESETS: u32 = 104;

/// A client whose request met the server's close, settled just now.
fn raced(tracker: &mut Tracker) -> (Talk, u64) {
    let talk = numbered(client(), 1).served(1250).asks(NAMED).unacked(0).waits(1);
    begin(tracker, &numbered(client(), 1));
    first(tracker, &talk.clone().fails(SERVER_RESETS));
    (talk.clone(), talk.socket.header.ktime_ns + SECOND)
}

/// A connection of the same process that was idle for `before` ticks, and then said `request` and got its answer,
/// `after` ticks after the race.
fn sibling(tracker: &mut Tracker, cookie: u64, raced: &Talk, request: &str, after: i32) -> (u64, Exchange) {
    begin(tracker, &numbered(client(), cookie));
    let mut talk = numbered(client(), cookie);
    talk.socket.header.jiffies = raced.socket.header.jiffies.wrapping_add_signed(after);
    let talk = talk.asks(request).waits(1).answers(OK);
    (cookie, talk.exchange)
}

/// Asks as often as the tracker wants, gives `answers`, and returns whether the race was reported as retried.
fn summary(tracker: &mut Tracker, settled: u64, answers: &[(u64, Exchange)]) -> bool {
    let mut reports = Vec::new();
    for step in 0..60 {
        let now = settled + step * 25 * MS;
        if !tracker.retry_queries(now).is_empty() {
            tracker.found(answers);
        }
        reports.extend(settle(tracker, now));
    }
    let closed = one(reports);
    assert_eq!(closed.verdict, Verdict::IdleRace);
    closed.retried == Some(true)
}

#[test]
fn a_race_is_masked_by_the_same_request_of_the_same_process_that_is_answered() {
    let mut tracker = tracker();
    let (talk, settled) = raced(&mut tracker);
    let retry = sibling(&mut tracker, 2, &talk, NAMED, 1);
    assert!(summary(&mut tracker, settled, &[retry]));
    assert_eq!(tracker.totals().retried, 1);
}

#[test]
fn another_request_masks_nothing() {
    for (request, after) in [(OTHER, 1), (NAMED, 200)] {
        let mut tracker = tracker();
        let (talk, settled) = raced(&mut tracker);
        let other = sibling(&mut tracker, 2, &talk, request, after);
        assert!(!summary(&mut tracker, settled, &[other]), "{request} {after}");
        assert_eq!(tracker.totals().retried, 0);
    }
}

/// A worker's next item, or another client in the process, has the same head.
#[test]
fn the_same_head_again_is_not_the_same_request() {
    let mut tracker = tracker();
    let talk = numbered(client(), 1).served(1250).asks(GET).unacked(0).waits(1);
    begin(&mut tracker, &numbered(client(), 1));
    first(&mut tracker, &talk.clone().fails(SERVER_RESETS));
    let next = sibling(&mut tracker, 2, &talk, GET, 1);
    tracker.found(&[next]);
    let closed = one(settle(&mut tracker, talk.socket.header.ktime_ns + 2 * SECOND));
    assert_eq!((closed.verdict, closed.retried), (Verdict::IdleRace, None));
}

#[test]
fn of_two_that_may_be_the_retry_neither_is() {
    let mut tracker = tracker();
    let (talk, settled) = raced(&mut tracker);
    let retries = [2, 3].map(|cookie| sibling(&mut tracker, cookie, &talk, NAMED, 1));
    assert!(!summary(&mut tracker, settled, &retries));
}

#[test]
fn a_retry_without_an_answer_does_not_mask() {
    let mut tracker = tracker();
    let (talk, settled) = raced(&mut tracker);
    let mut retry = sibling(&mut tracker, 2, &talk, NAMED, 1);
    retry.1.answered = 0;
    assert!(!summary(&mut tracker, settled, &[retry]));
}

#[test]
fn a_race_is_reported_in_time_though_nobody_looks() {
    let mut tracker = tracker();
    let (_, settled) = raced(&mut tracker);
    assert!(settle(&mut tracker, settled).is_empty());
    assert_eq!(one(settle(&mut tracker, settled + 1_200 * MS)).retried, None);
    assert_eq!(tracker.totals().retries_unchecked, 1);
}

#[test]
fn too_many_races_at_once_are_reported_without_looking() {
    let mut tracker = tracker();
    for cookie in 1..=100 {
        let talk = numbered(client(), cookie).served(1250).asks(NAMED).unacked(0).waits(1);
        begin(&mut tracker, &numbered(client(), cookie));
        first(&mut tracker, &talk.fails(SERVER_RESETS));
    }
    let now = client().served(1250).socket.header.ktime_ns + SECOND + TICK_NS;
    let at_once = settle(&mut tracker, now).len();
    assert_eq!((at_once, tracker.totals().retries_unchecked), (36, 36));
    assert_eq!(settle(&mut tracker, now + 2 * SECOND).len(), 64);
}
