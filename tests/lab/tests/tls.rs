//! Every play of TLS and HTTP/2, once, before an agent outside and one inside: what is reported of each end must be right.

mod gate;

use lab::{
    field::{Options, Table, run},
    suite::Results as _,
};

#[test]
fn what_tls_hides_is_reported_rightly_from_outside_and_from_inside() {
    let Some(context) = gate::context() else { return };

    let options = Options { times: 1, table: Table::Tls, ..Options::default() };
    let outcome = run(&options, &context).expect("TLS is played");

    assert!(outcome.is_right(), "{outcome}");
}
