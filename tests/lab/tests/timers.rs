//! The quick time-outs of the lab: software that anyone has, with what it comes with. The whole is `cargo xtask lab timers`.

mod gate;

use lab::timers::{Options, Table, run};

#[test]
fn the_report_names_the_timers_of_real_software() {
    let Some(agent) = gate::agent() else { return };
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
        return gate::skip(&table.to_string());
    }
    assert_eq!(totals.compared, 10, "both ends of five cases: {table}");
}
