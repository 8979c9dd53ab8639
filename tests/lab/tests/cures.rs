//! Some of the cures: as the report's first advice has it, nothing is lost any more. All of them: `cargo xtask lab cures`.

mod gate;

use lab::{
    cures::{Options, run},
    suite::Results as _,
};

#[test]
fn who_does_as_the_first_advice_says_loses_nothing() {
    let Some(context) = gate::context() else { return };
    let only = ["nginx closes", "is busy", "answers nothing", "than nginx waits"].map(str::to_owned).to_vec();

    let outcome = run(&Options { only }, &context).expect("the cures are played");

    if outcome.played() < 4 {
        return gate::skip(&outcome.to_string());
    }
    assert!(outcome.is_right(), "{outcome}");
}
