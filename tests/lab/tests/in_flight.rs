//! A quick part of the lab: it plays, and what it plays is reported right. The whole is `cargo xtask lab in-flight`.

mod gate;

use lab::in_flight::{Options, run};

#[test]
fn real_servers_and_clients_are_told_right_in_the_plain_phases() {
    let Some(context) = gate::context() else { return };
    let options = Options {
        only: ["nginx", "node", "curl", "requests"].map(str::to_owned).to_vec(),
        cases: ["body-length", "waiting", "response-length", "idle-reused", "/sleep", "/slow", "/fast"]
            .map(str::to_owned)
            .to_vec(),
    };

    let outcome = run(&options, &context).expect("the lab runs");

    let score = outcome.score();
    assert_eq!((score.right, outcome.played.invalid.len()), (score.compared, 0), "{outcome}");
    if outcome.software.iter().all(|one| one.version.is_err()) {
        gate::skip("none of the software is installed");
        return;
    }
    assert!(score.compared > 20, "{outcome}");
}
