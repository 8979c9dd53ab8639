//! Requests counted as they go.

use whohungup_ebpf::{
    event::{Kind, Progress},
    exchange::{OTHER, TLS, UNREAD},
};
use zerocopy::FromZeros as _;

use super::*;
use crate::close::RequestDelta;
use crate::{
    close::{
        facts::{CLOSE_WAIT, ESTABLISHED, LAST_ACK},
        sample::{Talk, header},
    },
    labels::Basis,
};

/// What the probes tell of `talk` at a request.
fn progress(talk: &Talk) -> Progress {
    let mut record = Progress::new_zeroed();
    let socket = &talk.socket.header;
    record.header = header::<Progress>(Kind::Progress, socket.cookie, socket.ktime_ns);
    (record.begun, record.answered) = (talk.exchange.begun, talk.exchange.answered);
    (record.reuses, record.gap) = (talk.exchange.reuses, talk.exchange.gap);
    record.protocol = u32::from(talk.exchange.protocol);
    record
}

/// After each gap a request and its response; `lost` says which records do not arrive.
fn goes_on(tracker: &mut Tracker, mut talk: Talk, gaps: &[u32], lost: impl Fn(usize) -> bool) -> Talk {
    for (nth, &gap) in gaps.iter().enumerate() {
        talk = talk.waits(gap).asks(GET);
        if talk.reported && !lost(nth) {
            feed(tracker, &progress(&talk));
        }
        talk = talk.waits(1).answers(OK);
    }
    talk
}

#[derive(Debug, Default, PartialEq)]
struct Sum {
    begun: u32,
    answered: u32,
    unanswered: u32,
    reused: u32,
    short: u32,
    long: Vec<f64>,
}

impl Sum {
    fn add(&mut self, requests: &RequestDelta) {
        self.begun += requests.begun;
        self.answered += requests.answered;
        self.unanswered += requests.unanswered;
        self.reused += requests.reused;
        self.short += requests.short_gaps;
        self.long.extend(requests.long_gap);
    }

    fn of<'a>(all: impl IntoIterator<Item = &'a RequestDelta>) -> Self {
        let mut sum = Self::default();
        all.into_iter().for_each(|requests| sum.add(requests));
        sum
    }
}

fn alive(tracker: &mut Tracker) -> Sum {
    let progressed: Vec<_> = tracker.take_progress().collect();
    Sum::of(progressed.iter().map(|progressed| &progressed.requests))
}

fn all(tracker: &mut Tracker, reports: &[ClosedConnection]) -> Sum {
    let mut sum = alive(tracker);
    reports.iter().filter_map(|closed| closed.uncounted.as_ref()).for_each(|requests| sum.add(requests));
    sum
}

/// Everything that was not handed over yet, once all is settled.
fn ended(tracker: &mut Tracker) -> Sum {
    let reports = settle_all(tracker);
    all(tracker, &reports)
}

#[test]
fn a_thousand_requests_are_counted_most_of_them_before_the_close() {
    for talk in [client(), server()] {
        let mut tracker = tracker();
        begin(&mut tracker, &talk);
        let talk = goes_on(&mut tracker, talk, &[1; 1000], |_| false);
        let text = alive(&mut tracker);
        assert_eq!((text.begun, text.answered, text.reused), (768, 767, 767), "at every 256th");
        first(&mut tracker, &talk.waits(1250).closes());
        let rest = ended(&mut tracker);
        assert_eq!((rest.begun, rest.answered, rest.unanswered), (232, 233, 0));
        assert_eq!((text.short + rest.short, rest.long.len()), (999, 0));
    }
}

#[test]
fn each_long_gap_is_reported_once_with_its_length() {
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    // 62 ticks are reported by themselves, 61 are not.
    let gaps = [0, 61, 62, 3, 250, 250, 1];
    let talk = goes_on(&mut tracker, server(), &gaps, |_| false);
    let text = alive(&mut tracker);
    assert_eq!(text.long, [62.0 * TICK, 250.0 * TICK, 250.0 * TICK]);
    assert_eq!((text.begun, text.short), (6, 2), "with those before it");
    first(&mut tracker, &talk.closes());
    let rest = ended(&mut tracker);
    assert_eq!(rest, Sum { begun: 1, answered: 2, reused: 1, short: 1, ..Sum::default() });
}

#[test]
fn a_long_gap_at_the_256th_request_is_one_and_pipelined_ones_after_it_do_not_repeat_it() {
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    let mut talk = goes_on(&mut tracker, server(), &[1; 255], |_| false).waits(100).asks(GET);
    feed(&mut tracker, &progress(&talk));
    for _ in 0..256 {
        talk = talk.asks(GET);
    }
    assert!(talk.reported, "the 512th");
    feed(&mut tracker, &progress(&talk));
    let text = alive(&mut tracker);
    assert_eq!((text.begun, text.long, text.short), (512, vec![100.0 * TICK], 254));
}

#[test]
fn nothing_is_counted_twice_or_below_zero_when_records_are_lost() {
    let gaps = [1, 100, 1, 100, 1, 100, 1];
    for lost in 0..1 << gaps.len() {
        let mut tracker = tracker();
        begin(&mut tracker, &server());
        let talk = goes_on(&mut tracker, server(), &gaps, |nth| lost >> nth & 1 == 1);
        first(&mut tracker, &talk.closes());
        let sum = ended(&mut tracker);
        assert_eq!((sum.begun, sum.answered, sum.reused), (7, 7, 6), "{lost:b}");
        assert_eq!(sum.short as usize + sum.long.len(), 6, "{lost:b}");
        assert!(sum.long.len() <= 3, "{lost:b}");
    }
    // The end's own record is lost: what was reported before stays.
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    let talk = goes_on(&mut tracker, server(), &gaps, |_| false);
    feed(&mut tracker, &talk.closes().first);
    let sum = ended(&mut tracker);
    assert_eq!((sum.begun, sum.reused, sum.long.len()), (6, 5, 3));
}

#[test]
fn a_record_that_is_older_than_what_was_counted_adds_nothing() {
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    let old = server().served(100).asks(GET);
    let new = old.clone().answers(OK).waits(100).asks(GET);
    for talk in [&new, &old, &new] {
        feed(&mut tracker, &progress(talk));
    }
    let sum = alive(&mut tracker);
    assert_eq!((sum.begun, sum.answered, sum.reused), (3, 2, 2));
}

#[test]
fn counters_that_wrap_go_on() {
    let mut tracker = tracker();
    begin(&mut tracker, &server());
    let mut record = progress(&server().served(100).asks(GET));
    let mut tell = |by: u32| {
        for counter in [&mut record.begun, &mut record.answered, &mut record.reuses] {
            *counter = counter.wrapping_add(by);
        }
        feed(&mut tracker, &record);
        alive(&mut tracker).begun
    };
    assert_eq!((tell(1 << 30), tell(1 << 30), tell(1 << 30)), ((1 << 30) + 2, 1 << 30, 1 << 30));
    assert_eq!((tell((1 << 30) - 1), tell(5)), ((1 << 30) - 1, 5));
}

#[test]
fn an_old_connection_counts_from_what_was_seen_of_it() {
    let mut tracker = tracker();
    tracker.adopt(&[met(&server().served(9), ESTABLISHED)], |_, _| None);
    let talk = goes_on(&mut tracker, server(), &[1, 100, 1], |_| false);
    first(&mut tracker, &talk.closes());
    let sum = ended(&mut tracker);
    assert_eq!((sum.begun, sum.answered, sum.short, sum.long), (3, 3, 1, vec![100.0 * TICK]));
}

#[test]
fn gaps_that_nobody_was_reported_of_are_not_taken_for_short_ones() {
    // The opening was lost, or the table was full: only the newest gap is known.
    for (newest, short, long) in [(1, 1, vec![]), (100, 0, vec![100.0 * TICK])] {
        let mut tracker = tracker();
        let talk = goes_on(&mut tracker, server(), &[1, 100, 100, newest], |_| false);
        assert_eq!(alive(&mut tracker), Sum::default(), "it is not in the table");
        first(&mut tracker, &talk.closes());
        let sum = ended(&mut tracker);
        assert_eq!((sum.begun, sum.reused, sum.short, sum.long), (4, 3, short, long));
    }
}

#[test]
fn turns_are_labelled_and_what_is_not_followed_is_not_counted() {
    for (protocol, basis) in [(TLS, Some(Basis::Inferred)), (OTHER, None), (UNREAD, None)] {
        let mut tracker = tracker();
        begin(&mut tracker, &server());
        let mut record = progress(&server().served(100).asks(GET));
        record.protocol = u32::from(protocol);
        feed(&mut tracker, &record);
        let text = tracker.take_progress().next().map(|progressed| progressed.requests.basis);
        assert_eq!(text, basis, "{protocol}");
    }
}

#[test]
fn requests_are_counted_for_the_endpoint_that_holds_the_socket() {
    let mut tracker = tracker();
    begin(&mut tracker, &client());
    let _ = goes_on(&mut tracker, client(), &[1, 100], |_| false);
    let progressed = tracker.take_progress().next().expect("a long gap");
    assert_eq!((progressed.role, progressed.ends.remote.port()), (Role::Client, 80));
    assert_eq!(progressed.process.and_then(|process| process.pid), Some(PID));
    assert!(tracker.take_progress().next().is_none(), "handed over once");
}

#[test]
fn a_request_on_a_connection_that_was_reported_as_idle_is_counted_once_and_as_lost() {
    let mut tracker = tracker();
    let idle = client().served(1250).fin_came();
    let at = idle.socket.header.ktime_ns;
    play(&mut tracker, &client(), &idle.clone().ends(ESTABLISHED, CLOSE_WAIT));
    let reported = one(settle(&mut tracker, at + 6 * SECOND));
    assert_eq!(Sum::of(&reported.uncounted), Sum { begun: 1, answered: 1, ..Sum::default() });

    let written = idle.clone().waits(2500).asks(GET);
    assert!(written.reported, "after a long gap");
    feed(&mut tracker, &progress(&written));
    let long = vec![3750.0 * TICK];
    assert_eq!(alive(&mut tracker), Sum { begun: 1, reused: 1, long, ..Sum::default() });
    let mut facts = idle.ends(ESTABLISHED, CLOSE_WAIT);
    written.by_process().later(&mut facts, CLOSE_WAIT, LAST_ACK);
    last(&mut tracker, &facts);
    let amended = one(settle(&mut tracker, at + 20 * SECOND));
    assert_eq!((amended.verdict, amended.amends), (Verdict::IdleRace, true));
    assert_eq!(Sum::of(&amended.uncounted), Sum { unanswered: 1, ..Sum::default() });
}

#[test]
fn a_gap_has_worked_when_the_request_behind_it_was_answered() {
    let mut tracker = tracker();
    let mut talk = client();
    begin(&mut tracker, &talk);
    let mut answered = Vec::new();
    for gap in [0, 100, 250, 500, 850] {
        talk = talk.waits(gap).asks(GET);
        if talk.reported {
            feed(&mut tracker, &progress(&talk));
            answered
                .extend(tracker.take_progress().filter_map(|progressed| progressed.requests.answered_gap));
        }
        // The last one is lost.
        talk = if gap == 850 { talk } else { talk.answers(OK) };
    }
    let facts = talk.unacked(0).waits(1).fails(104);
    first(&mut tracker, &facts);
    let closed = settle_all(&mut tracker);
    answered.extend(closed.iter().filter_map(|close| close.uncounted?.answered_gap));
    assert_eq!(answered, [0.4, 1.0, 2.0]);
}
