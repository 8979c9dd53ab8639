//! A small part of the matrix: its servers and clients end connections in every phase, and that is reported right. The whole
//! is `cargo xtask lab matrix`.

mod gate;

use lab::{
    matrix::{Options, run},
    suite::Results as _,
};

#[test]
fn how_real_clients_and_servers_part_is_told_right_and_nobody_contradicts_it() {
    let Some(context) = gate::context() else { return };
    let options = Options {
        servers: ["nginx", "haproxy", "node"].map(str::to_owned).to_vec(),
        clients: ["http.agent", "requests"].map(str::to_owned).to_vec(),
        keep: None,
    };

    let outcome = run(&options, &context).expect("the matrix is played");

    if outcome.servers.iter().chain(&outcome.clients).any(|one| one.version.is_err()) {
        return gate::skip(&outcome.to_string());
    }
    assert!(outcome.is_right(), "{outcome}");
    assert!(outcome.connections() > 300, "{outcome}");
    for way in ["CU", "SU", "CH", "SH", "CB", "SB", "CW", "SW", "CR", "SR", "CI", "SI", "done"] {
        assert!(outcome.has(way), "nothing ended as {way}: {outcome}");
    }
}
