//! Clocks, and numbers that wrap.

use super::*;
use crate::close::facts::{CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, LAST_ACK, role_from_counters};

fn near(got: Option<f64>, want: f64) {
    assert!(got.is_some_and(|got| (got - want).abs() < 1e-9), "{got:?}, not {want}");
}

#[test]
fn every_clock_counts_in_the_kernels_own_ticks() {
    for tick in [0.004, 0.01] {
        let mut facts = server().waits(100).asks(GET).waits(25).answers(OK).waits(500).closes();
        facts.tick = tick;
        let close = judge(&facts);
        near(close.idle, 500.0 * tick);
        near(close.silent, 500.0 * tick);
        assert_eq!(close.request, None);
        // The age has a finer clock.
        near(close.age, 625.0 * TICK);

        let mut facts = client().served(500).asks(GET).waits(75).closes();
        facts.tick = tick;
        let close = judge(&facts);
        near(close.request, 75.0 * tick);
        near(close.silent, 75.0 * tick);
        assert_eq!(close.idle, None);
    }
}

#[test]
fn turns_have_the_same_clocks() {
    let close = judge(&server().waits(100).served(500).unobserved().closes());
    near(close.idle, 500.0 * TICK);
    near(close.silent, 500.0 * TICK);
    let close = judge(&server().served(500).asks(GET).waits(75).unobserved().closes());
    near(close.request, 75.0 * TICK);
    let close = judge(&client().served(500).asks(GET).waits(75).unobserved().closes());
    near(close.request, 75.0 * TICK);
}

#[test]
fn the_kernels_time_of_sending_is_not_believed_after_a_retransmission() {
    // A retransmission moves it.
    let mut talk = server().served(500);
    talk.socket.total_retrans = 1;
    talk.socket.lsndtime = talk.socket.header.jiffies;
    assert_eq!(judge(&talk.clone().unobserved().closes()).silent, None);
    near(judge(&talk.closes()).silent, 500.0 * TICK);
}

#[test]
fn a_time_that_lies_later_than_the_close_counts_as_now() {
    let mut talk = server().served(500).unobserved();
    talk.socket.lsndtime = talk.socket.header.jiffies.wrapping_add(1);
    near(judge(&talk.closes()).silent, 0.0);
    let mut facts = server().served(500).closes();
    facts.opened_ns = Some(facts.first.header.ktime_ns + 1);
    near(judge(&facts).age, 0.0);
}

/// Scenes that lean on sequence numbers and jiffies, made by `begin`.
fn scenes(begin: impl Fn(Role) -> Talk) -> Vec<Facts> {
    let (server, client) = (|| begin(Role::Server), || begin(Role::Client));
    let late = |talk: Talk, behind_fin: u32| {
        let mut facts = talk.closes();
        let ack_seq = facts.first.write_seq.wrapping_add(behind_fin);
        facts.resets.push(late_segment(&facts.first, 35, ack_seq));
        facts
    };
    let stale = {
        let talk = client().served(20);
        let mut facts = talk.clone().gets_fin();
        talk.fin_came().waits(20).asks(GET).later(&mut facts, CLOSE_WAIT, LAST_ACK);
        facts
    };
    let half = {
        let talk = server().asks(GET).waits(20);
        let mut facts = talk.clone().gets_fin();
        talk.fin_came().answers(OK).later(&mut facts, CLOSE_WAIT, LAST_ACK);
        facts
    };
    let mut scenes = vec![
        server().served(40).closes(),
        client().served(40).gets_fin(),
        server().served(40).unobserved().closes(),
        client().served(40).unobserved().gets_fin(),
        late(server().served(20), 0),
        late(server().served(20), 1),
        late(server().served(20).unobserved(), 0),
        late(server().served(20).unobserved(), 1),
        client().served(20).asks(GET).unacked(0).gets_fin(),
        client().served(20).asks(GET).unacked(5).gets_fin(),
        server().served(20).asks(GET).unread().waits(3).resets(),
        server().asks(GET).unread().waits(30).gets_fin(),
        server().asks(GET).answers(EARLY).waits(30).closes(),
        client().asks(GET).unacked(0).waits(30).fails(110),
        stale,
        half,
    ];
    let mut unobserved = scenes[14].clone();
    (unobserved.exchange, unobserved.exchange_after) = (None, None);
    scenes.push(unobserved);
    scenes
}

#[test]
fn nothing_changes_where_sequence_numbers_and_jiffies_wrap() {
    let low = scenes(|role| Talk::begin(role, 1000, 5000, 1000));
    for back in 0..160_u32 {
        let zero = 0_u32.wrapping_sub(back);
        let high = scenes(|role| Talk::begin(role, zero, zero, zero));
        for (scene, (low, high)) in low.iter().zip(&high).enumerate() {
            assert_eq!(judge(low), judge(high), "scene {scene}, {back} before the wrap");
        }
    }
}

#[test]
fn the_scenes_that_wrap_are_not_all_alike() {
    let mut kinds: Vec<String> =
        scenes(|role| Talk::begin(role, 1000, 5000, 1000)).iter().map(summary).collect();
    kinds.sort();
    kinds.dedup();
    assert!(kinds.len() >= 11, "{kinds:#?}");
}

#[test]
fn the_counters_prove_the_role_while_no_fin_was_sent() {
    for begin in [1000, 0_u32.wrapping_sub(20)] {
        for role in [Role::Server, Role::Client] {
            let talk = Talk::begin(role, begin, begin, 1000);
            let role_of = |talk: Talk, new| role_from_counters(&talk.ends(ESTABLISHED, new).first);
            assert_eq!(role_of(talk.clone(), FIN_WAIT1), role, "before any byte");
            assert_eq!(role_of(talk.clone().served(9), FIN_WAIT1), role);
            assert_eq!(role_of(talk.clone().served(9).fin_came(), CLOSE_WAIT), role);
            let mut in_flight = talk.clone().served(9);
            in_flight.move_bytes(1, 500);
            assert_eq!(role_of(in_flight.unacked(100), CLOSE), role, "partly acknowledged");
            let mut again = talk.clone().served(9);
            again.socket.bytes_sent += 70;
            again.socket.bytes_retrans += 70;
            assert_eq!(role_of(again, FIN_WAIT1), role, "retransmitted");
            let waiting = talk.fin_came().ends(CLOSE_WAIT, LAST_ACK).first;
            assert_eq!(role_from_counters(&waiting), role);
        }
    }
}

#[test]
fn counters_that_do_not_add_up_prove_no_role() {
    let mut odd = client().served(9);
    odd.socket.bytes_acked += 1;
    assert_eq!(role_from_counters(&odd.clone().closes().first), Role::Unknown);
    odd.socket.bytes_acked = 0;
    assert_eq!(role_from_counters(&odd.closes().first), Role::Unknown);
    let mut short = server().served(9);
    short.socket.snd_nxt = short.socket.snd_una.wrapping_add(1000);
    assert_eq!(role_from_counters(&short.closes().first), Role::Unknown, "more in flight than sent");
    // A FIN of our own is acknowledged like a byte.
    assert_eq!(role_from_counters(&server().served(9).ends(FIN_WAIT1, CLOSE).first), Role::Unknown);
}
