//! A quick part of the lab: it plays, and what it plays is told right. The whole is `cargo xtask lab in-flight`.

mod gate;

use lab::{cache, run, table::Table};

#[test]
fn real_servers_and_clients_are_told_right_in_the_plain_phases() {
    let Some(agent) = gate::agent() else { return };
    let options = run::Options {
        agent,
        state: cache::directory().expect("a cache"),
        only: ["nginx", "node", "curl", "requests"].map(str::to_owned).to_vec(),
        cases: ["body-length", "waiting", "response-length", "idle-reused", "/sleep", "/slow", "/fast"]
            .map(str::to_owned)
            .to_vec(),
        stop: std::sync::Arc::default(),
    };

    let outcome = run::run(&options).expect("the lab runs");

    let table = Table { lines: &outcome.lines, judged: &outcome.judged, strays: &outcome.played.strays };
    let totals = table.totals();
    assert_eq!((totals.right, totals.strays), (totals.compared, 0), "{table}");
    if outcome.lines.iter().all(|line| line.version.is_err()) {
        gate::skip("none of the software is installed");
        return;
    }
    assert!(totals.compared > 20, "{table}");
}
