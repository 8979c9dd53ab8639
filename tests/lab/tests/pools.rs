//! Plays of the pools that are over soon, once: what is reported of each end must be right.

mod gate;

use lab::{
    field::{Options, Table, run},
    suite::Results as _,
};

/// Those that need no more than Debian's PostgreSQL and Redis, which the other tests have too.
const QUICK: [&str; 2] = ["PostgreSQL: ", "Redis: "];

#[test]
fn each_way_to_end_a_connection_to_a_database_is_told_rightly_at_both_ends() {
    let Some(context) = gate::context() else { return };
    let only = QUICK.map(str::to_owned).to_vec();

    let outcome =
        run(&Options { only, times: 1, table: Table::Pools }, &context).expect("the pools are played");

    assert!(outcome.is_right(), "{outcome}");
}
