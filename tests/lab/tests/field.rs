//! Every play of the field, once: what is reported of each end must be right.

mod gate;

use lab::{
    field::{Options, run},
    suite::Results as _,
};

#[test]
fn what_was_met_in_the_field_is_told_rightly_at_both_ends() {
    let Some(context) = gate::context() else { return };

    let outcome = run(&Options { times: 1, ..Options::default() }, &context).expect("the field is played");

    assert!(outcome.is_right(), "{outcome}");
}
