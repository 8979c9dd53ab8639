//! A part of the grid of races: every lost request is told, at both ends, and nothing else is. The whole is
//! `cargo xtask lab races`.

use std::{env, path::PathBuf};

use lab::races::{self, Kind, Truth, Wire, table::Table};

/// Always the same, so that a failure can be played again.
const SEED: u64 = 1;

/// The agent of the same build, beside this test's directory.
fn agent() -> Option<PathBuf> {
    let test = env::current_exe().expect("this test's own path");
    let agent = test.parent()?.parent()?.join("whohungup");
    agent.is_file().then_some(agent)
}

/// The test cannot run here.
fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    eprintln!("skipped: {why}");
}

#[test]
fn every_lost_request_is_a_race_of_its_kind_at_both_ends_and_nothing_else_is() {
    if !rustix::process::geteuid().is_root() {
        return skip("not root, and only root may load probes");
    }
    let Some(agent) = agent() else { return skip("the agent is not built") };
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
