//! Before Linux 6.10 a late segment is reported by its drop, not by the reset that it draws.

use whohungup_ebpf::event::Reset;

use super::*;
use crate::{
    close::{Facts, facts::TIME_WAIT, sample::late_segment},
    labels::Race,
};

/// A server's idle close, and a late segment of the peer's that was dropped, beginning `before` bytes
/// before what the socket had received.
fn dropped(before: u32) -> (Facts, Reset) {
    let facts = server().served(1250).closes();
    let mut late = late_segment(&facts.first, 35, facts.first.write_seq.wrapping_add(1));
    late.seq = facts.first.rcv_nxt.wrapping_sub(before);
    (facts, blaming(late, 0, TIME_WAIT))
}

fn verdict_after(facts: &Facts, resets: &[Reset]) -> (Verdict, Option<Race>) {
    let mut tracker = tracker();
    play(&mut tracker, &server(), facts);
    for reset in resets {
        feed(&mut tracker, reset);
    }
    let closed = one(settle(&mut tracker, facts.first.header.ktime_ns + SECOND));
    (closed.verdict, closed.race)
}

#[test]
fn a_dropped_request_that_had_seen_the_fin_is_a_stale_race() {
    let (facts, late) = dropped(0);
    assert_eq!(verdict_after(&facts, &[late]), (Verdict::IdleRace, Some(Race::Stale)));
}

#[test]
fn a_dropped_retransmission_of_what_had_come_is_no_request() {
    let (facts, late) = dropped(35);
    assert_eq!(verdict_after(&facts, &[late]), (Verdict::ServerIdle, None));
}

#[test]
fn a_segment_that_is_reported_by_its_reset_and_by_its_drop_counts_once() {
    let (facts, drop) = dropped(0);
    let reset = late_segment(&facts.first, 35, facts.first.write_seq.wrapping_add(1));
    let reset = Reset { seq: drop.seq, ..reset };
    let mut tracker = tracker();
    play(&mut tracker, &server(), &facts);
    one(settle(&mut tracker, facts.first.header.ktime_ns + SECOND));
    for reported in [reset, drop] {
        feed(&mut tracker, &reported);
    }
    assert_eq!(tracker.totals().late_requests, 1);
}
