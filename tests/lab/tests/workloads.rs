//! Every play of the workloads, once: whose each end is must be right, with real containers.

mod gate;

use lab::{
    field::{Options, Table, run},
    suite::Results as _,
};

#[test]
fn sockets_of_real_containers_are_named_at_both_ends() {
    let Some(context) = gate::context() else { return };

    let options = Options { times: 1, table: Table::Workloads, ..Options::default() };
    let outcome = run(&options, &context).expect("the containers talk");

    assert!(outcome.is_right(), "{outcome}");
}
