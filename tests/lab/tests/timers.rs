//! The quick time-outs of the lab: software that anyone has, with what it comes with. The whole is `cargo xtask lab timers`.

use std::{env, path::PathBuf};

use lab::timers::{Options, Table, run};

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
fn the_report_names_the_timers_of_real_software() {
    if !rustix::process::geteuid().is_root() {
        return skip("not root, and only root may load probes");
    }
    let Some(agent) = agent() else {
        return skip("the agent is not built");
    };
    let state = tempfile::tempdir().expect("temporary directory");
    let options = Options {
        agent,
        state: state.path().to_owned(),
        // Without what comes from PyPI and npm.
        only: ["Node, ", "Node http", "nginx, "].map(str::to_owned).to_vec(),
        quick: true,
        stop: std::sync::Arc::default(),
    };

    let outcome = run(&options).expect("the lab runs");

    let table = Table { judged: &outcome.judged, absent: &outcome.absent };
    let totals = table.totals();
    assert_eq!(totals.right, totals.compared, "{table}");
    if !outcome.absent.is_empty() {
        return skip(&table.to_string());
    }
    assert_eq!(totals.compared, 10, "both ends of five cases: {table}");
}
