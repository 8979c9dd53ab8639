//! A small part of the bursts: what servers lose that stand still when their idle timers are due is reported as lost to them.
//! The whole is `cargo xtask lab bursts`.

mod gate;

use lab::{
    matrix::bursts::{Options, run},
    suite::Results as _,
};

#[test]
fn what_a_server_that_stands_still_loses_to_its_idle_timer_is_a_race() {
    let Some(context) = gate::context() else { return };
    let servers = ["nginx", "haproxy", "node"].map(str::to_owned).to_vec();

    let outcome = run(&Options { servers, rounds: 3 }, &context).expect("the bursts are played");

    if !outcome.is_played() {
        return gate::skip(&outcome.to_string());
    }
    assert!(outcome.is_right(), "{outcome}");
    assert!(outcome.lost() > 30, "{outcome}");
}
