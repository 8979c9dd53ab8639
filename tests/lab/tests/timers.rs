//! The quick timeouts of the lab: software that anyone has, with what it comes with. The whole is `cargo xtask lab timers`.

mod gate;

use lab::timers::{Options, run};

#[test]
fn the_report_names_the_timers_of_real_software() {
    let Some(context) = gate::context() else { return };
    // Without what comes from PyPI and npm.
    let only = ["Node, ", "Node http", "nginx, "].map(str::to_owned).to_vec();

    let outcome = run(&Options { only, quick: true }, &context).expect("the lab runs");

    let (compared, right) = outcome.counts();
    assert_eq!(right, compared, "{outcome}");
    if !outcome.absent.is_empty() {
        return gate::skip(&outcome.to_string());
    }
    assert_eq!(compared, 10, "both ends of five cases: {outcome}");
}
