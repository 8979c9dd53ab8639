//! A part of the founding cases: what CI's software and half a minute allow. The whole is `cargo xtask lab case-000` and so on.

mod gate;

use lab::{
    cases::{Options, find},
    suite::Results as _,
};

/// Plays these stages; everything that is checked must hold.
fn play(case: &str, stages: &[&str]) {
    let Some(context) = gate::context() else { return };
    let only = stages.iter().map(|&stage| stage.to_owned()).collect();
    let options = Options { only, ..Options::default() };

    let outcome = find(case, &options).expect("a case").play(&context).expect("the case is played");

    let failed: Vec<_> = outcome.failed().collect();
    assert!(failed.is_empty(), "{failed:#?}\n{outcome}");
    if !outcome.absent.is_empty() {
        return gate::skip(&format!("{:?}", outcome.absent));
    }
    assert!(outcome.is_right() && outcome.checks() > 5 * stages.len(), "{outcome}");
}

#[test]
fn connections_are_used_again_as_the_pools_are_told_and_nodes_ends_are_told_apart() {
    play(
        "case-002",
        &[
            "agent-keep-alive",
            "nginx-with",
            "long-request",
            "shutdown-of-node-20",
            "crash",
            "sigterm",
            "sigkill",
        ],
    );
}
