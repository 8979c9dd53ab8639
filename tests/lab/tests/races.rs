//! A part of the grid of races: every lost request is told, at both ends, and nothing else is. The whole is
//! `cargo xtask lab races`.

mod gate;

use lab::races::{self, Kind, Truth, Wire, table::Table};

/// Always the same, so that a failure can be played again.
const SEED: u64 = 1;

#[test]
fn every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is() {
    let Some(agent) = gate::agent() else { return };
    let options = races::Options {
        agent,
        requests: 480,
        seed: SEED,
        hasty: true,
        lingering: true,
        stop: std::sync::Arc::default(),
    };

    let outcome = races::run(&options).expect("the races can be played");

    let table = Table(&outcome);
    assert!(table.is_right(), "{table}");
    // What is undecided proves nothing: it has to be rare.
    assert!(outcome.undecided.len() * 20 < outcome.judged.len(), "{table}");
    let lost = |wire, kind| {
        let of = outcome.judged.iter().filter(|judged| judged.wire == wire);
        of.filter(|judged| judged.truth == Truth::Lost(kind)).count()
    };
    for (wire, kind) in [
        (Wire::Loopback, Kind::Stale),
        (Wire::Loopback, Kind::Unread),
        (Wire::Loopback, Kind::OwnTimer),
        (Wire::LoopbackV6, Kind::Stale),
        (Wire::Delay, Kind::Crossed),
        (Wire::Delay, Kind::Stale),
        (Wire::Delay, Kind::OwnTimer),
    ] {
        assert!(lost(wire, kind) > 4, "{} on {}: {table}", kind.word(), wire.word());
    }
}
