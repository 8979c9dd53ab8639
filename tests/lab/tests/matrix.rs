//! A small part of the matrix: its servers and clients end connections in every phase, and that is told right. The whole is
//! `cargo xtask lab matrix`.

mod gate;

use lab::{
    cache,
    matrix::{Options, Table, run},
};

#[test]
fn how_real_clients_and_servers_part_is_told_right_and_nobody_contradicts_it() {
    let Some(agent) = gate::agent() else { return };
    let state = cache::directory().expect("a cache");
    let options = Options {
        agent,
        keep: state.join("kept"),
        state,
        servers: ["nginx", "haproxy", "node"].map(str::to_owned).to_vec(),
        clients: ["http.agent", "requests"].map(str::to_owned).to_vec(),
        stop: std::sync::Arc::default(),
    };

    let outcome = run(&options).expect("the matrix is played");

    let table = Table(&outcome);
    if outcome.servers.iter().chain(&outcome.clients).any(|line| line.version.is_err()) {
        return gate::skip(&table.to_string());
    }
    assert!(table.is_right(), "{table}");
    assert!(table.closes() > 300, "{table}");
    for way in ["CU", "SU", "CH", "SH", "CB", "SB", "CW", "SW", "CR", "SR", "CI", "SI", "done"] {
        assert!(table.has(way), "nothing ended as {way}: {table}");
    }
}
