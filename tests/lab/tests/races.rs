//! A part of the grid of races: every lost request is reported, at both ends, and nothing else is. The whole is
//! `cargo xtask lab races`.

mod gate;

use lab::{
    races::{Options, Wire, run},
    suite::Results as _,
    truth::Race,
};

/// Always the same, so that a failure can be played again.
const SEED: u64 = 1;

#[test]
fn every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is() {
    let Some(context) = gate::context() else { return };
    if !lab::suite::missing(&options(), &context).expect("a cache").is_empty() {
        return gate::skip("no tshark");
    }

    let outcome = run(&options(), &context).expect("the races can be played");

    assert!(outcome.is_right(), "{outcome}");
    // What is undecided proves nothing: it has to be rare.
    assert!(outcome.undecided.count() * 20 < outcome.score().compared, "{outcome}");
    for (wire, race) in [
        (Wire::Loopback, Race::Stale),
        (Wire::Loopback, Race::Unread),
        (Wire::Loopback, Race::OwnTimer),
        (Wire::LoopbackV6, Race::Stale),
        (Wire::Delay, Race::Crossed),
        (Wire::Delay, Race::Stale),
        (Wire::Delay, Race::OwnTimer),
    ] {
        assert!(outcome.lost(wire, race) > 4, "{} on {}: {outcome}", race.word(), wire.word());
    }
}

fn options() -> Options {
    Options { requests: 480, seed: Some(SEED), hasty: true }
}
