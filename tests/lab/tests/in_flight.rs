//! A quick part of the lab: it plays, and what it plays is told right. The whole is `cargo xtask lab in-flight`.

use std::{env, path::PathBuf};

use lab::{run, table::Table};

/// The agent of the same build, beside this test's directory.
fn agent() -> Option<PathBuf> {
    let test = env::current_exe().expect("this test's own path");
    let agent = test.parent()?.parent()?.join("whohungup");
    agent.is_file().then_some(agent)
}

/// Always false: the test cannot run here.
fn skip(why: &str) -> bool {
    assert!(env::var_os("CI").is_none(), "in CI nothing is skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

#[test]
fn real_servers_and_clients_are_told_right_in_the_plain_phases() {
    if !rustix::process::geteuid().is_root() {
        skip("not root, and only root may load probes");
        return;
    }
    let Some(agent) = agent() else {
        skip("the agent is not built");
        return;
    };
    let state = tempfile::tempdir().expect("temporary directory");
    let options = run::Options {
        agent,
        state: state.path().to_owned(),
        only: ["nginx", "node", "curl"].map(str::to_owned).to_vec(),
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
        skip("none of the software is installed");
        return;
    }
    assert!(totals.compared > 20, "{table}");
}
