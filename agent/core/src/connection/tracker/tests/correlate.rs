//! Causes that the pools and the listener show.

use super::*;
use crate::{
    close::{
        Facts,
        facts::ETIMEDOUT,
        sample::{TICK_NS, Talk},
    },
    labels::Cause,
};

fn listener_ends(tracker: &mut Tracker, at_ns: u64) {
    feed(tracker, &listen(90, true));
    let mut ended = listen(90, false);
    ended.header.ktime_ns = at_ns;
    feed(tracker, &ended);
}

fn causes(tracker: &mut Tracker) -> Vec<(u64, Cause)> {
    let mut causes: Vec<_> =
        settle_all(tracker).iter().map(|closed| (closed.id.cookie, closed.cause)).collect();
    causes.sort_unstable_by_key(|&(cookie, _)| cookie);
    causes
}

#[test]
fn a_server_that_closes_within_a_moment_of_its_listener_shuts_down() {
    for (apart_ns, cause) in [
        (0, Cause::Shutdown),
        (600_000, Cause::Shutdown),
        (-600_000, Cause::Shutdown),
        (-4_000_000_000, Cause::Unknown),
    ] {
        let mut tracker = tracker();
        let talk = server();
        let facts = talk.clone().served(1250).closes();
        play(&mut tracker, &talk, &facts);
        listener_ends(&mut tracker, facts.first.header.ktime_ns.wrapping_add_signed(apart_ns));
        let closed = one(settle_all(&mut tracker));
        assert_eq!(closed.cause, cause, "{apart_ns}");
        assert!(
            closed.evidence.iter().any(|line| line.contains("its listener")),
            "{apart_ns}: {:?}",
            closed.evidence
        );
    }
}

#[test]
fn a_connection_that_was_made_after_the_listeners_end_is_of_another_server() {
    for (apart_ns, after) in [(-4_000_000_000, Some(4.0)), (-60_000_000_000, None)] {
        let mut tracker = tracker();
        let talk = server();
        let facts = talk.clone().served(1250).closes();
        play(&mut tracker, &talk, &facts);
        listener_ends(&mut tracker, facts.first.header.ktime_ns.wrapping_add_signed(apart_ns));

        let closed = one(settle_all(&mut tracker));

        assert_eq!(closed.after_listener, after);
        assert_eq!(closed.evidence.iter().any(|line| line.contains("its listener")), after.is_some());
    }
}

#[test]
fn neither_an_exit_nor_the_other_end_is_a_shutdown() {
    let mut tracker = tracker();
    let mut exiting = server().served(1250);
    exiting.socket.task.flags = 4;
    let facts = exiting.clone().closes();
    play(&mut tracker, &exiting, &facts);
    let theirs = numbered(server().served(1250), 8);
    play(&mut tracker, &theirs, &theirs.clone().gets_fin());
    listener_ends(&mut tracker, facts.first.header.ktime_ns);
    assert_eq!(causes(&mut tracker), [(7, Cause::ProcessExit), (8, Cause::Unknown)]);
}

#[test]
fn a_worker_that_ends_while_others_listen_is_reported_as_one() {
    let mut tracker = tracker();
    feed(&mut tracker, &listen(90, true));
    let mut talk = server().served(1250);
    talk.socket.task.flags = 4;
    let facts = talk.clone().closes();
    play(&mut tracker, &talk, &facts);
    let closed = one(settle_all(&mut tracker));
    let text = &closed.evidence;
    assert!(text.iter().any(|line| line.contains("others still listen at port 80")), "{text:?}");
}

/// A client's connection that was idle for `ticks` at the same instant as the others'.
fn idle_client(cookie: u64, ticks: u32) -> (Talk, Facts) {
    let talk = numbered(client(), cookie).waits(5000 - ticks).served(ticks);
    (talk.clone(), talk.closes())
}

#[test]
fn a_pool_that_closes_connections_of_several_ages_at_once_lets_them_go() {
    let mut tracker = tracker();
    for (cookie, ticks) in [(1, 1250), (2, 500), (3, 900)] {
        let (talk, facts) = idle_client(cookie, ticks);
        play(&mut tracker, &talk, &facts);
    }
    assert_eq!(causes(&mut tracker), [(1, Cause::PoolEvict), (2, Cause::PoolEvict), (3, Cause::PoolEvict)]);
}

#[test]
fn connections_that_were_idle_equally_long_end_by_their_timer() {
    let mut tracker = tracker();
    for cookie in 1..4 {
        let (talk, facts) = idle_client(cookie, 1250);
        play(&mut tracker, &talk, &facts);
    }
    assert!(causes(&mut tracker).iter().all(|&(_, cause)| cause == Cause::Unknown));
}

#[test]
fn a_connection_over_the_pools_size_goes_right_after_its_response() {
    for (requests, cause) in [(2, Cause::PoolEvict), (1, Cause::Unknown)] {
        let mut tracker = tracker();
        // One that has been used again, and one that stays.
        let mut used = numbered(client(), 1);
        for _ in 0..requests {
            used = used.served(5);
        }
        begin(&mut tracker, &numbered(client(), 2));
        play(&mut tracker, &used, &used.clone().closes());
        settle(&mut tracker, used.socket.header.ktime_ns + 10 * SECOND);
        begin(&mut tracker, &numbered(client(), 3));
        let surplus = numbered(client(), 3).served(2);
        first(&mut tracker, &surplus.closes());
        let closed = one(settle_all(&mut tracker));
        assert_eq!((closed.id.cookie, closed.verdict.as_str(), closed.cause), (3, "completed", cause));
    }
}

#[test]
fn a_flow_is_forgotten_when_others_reach_the_same_server() {
    for (others, cause) in [(true, Cause::FlowForgotten), (false, Cause::RetransmitTimeout)] {
        let mut tracker = tracker();
        let talk = client().served(1250).asks(GET).unacked(0);
        begin(&mut tracker, &client());
        if others {
            let mut newer = open(&numbered(client(), 8), talk.socket.header.ktime_ns + 100 * TICK_NS);
            newer.header.jiffies = talk.socket.header.jiffies + 100;
            feed(&mut tracker, &newer);
        }
        first(&mut tracker, &talk.waits(2500).fails(ETIMEDOUT));
        assert_eq!(one(settle_all(&mut tracker)).cause, cause);
    }
}
