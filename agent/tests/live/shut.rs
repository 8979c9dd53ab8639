//! `shutdown` before `close`, as HAProxy and many runtimes do it.

use std::{
    net::{Shutdown, TcpListener},
    thread,
    time::Duration,
};

use crate::{
    agent::Agent,
    gate,
    peer::{ANYWHERE, Dialled, ask, read_end, read_request},
};

/// Beyond `--idle-min`.
const IDLE: Duration = Duration::from_millis(300);

#[test]
fn a_server_that_shuts_its_side_and_then_closes_is_told_as_soon_as_one_that_closes() {
    if !gate::can_observe() {
        return;
    }
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let agent = Agent::watch(listener.local_addr().expect("address"));
    let mut dialled = Dialled::to(&listener);
    dialled.exchange();
    thread::sleep(IDLE);
    let Dialled { mut client, server } = dialled;
    server.shutdown(Shutdown::Write).expect("shut down");
    read_end(&mut client);
    drop(server);
    drop(client);
    for close in agent.closes(2) {
        close.says(&[("verdict", "server-idle"), ("closer", "server"), ("how", "fin"), ("code", "SI")]);
    }
}

#[test]
fn a_client_that_shuts_its_side_and_then_closes_has_hung_up_on_its_request() {
    if !gate::can_observe() {
        return;
    }
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let agent = Agent::watch(listener.local_addr().expect("address"));
    let Dialled { mut client, mut server } = Dialled::to(&listener);
    ask(&mut client);
    read_request(&mut server);
    client.shutdown(Shutdown::Write).expect("shut down");
    read_end(&mut server);
    drop(client);
    drop(server);
    for close in agent.closes(2) {
        close.says(&[("closer", "client"), ("how", "fin"), ("code", "CW")]);
        // The client's kernel alone does not tell this from a half-close whose answer is still to come.
        let verdict = close.word("verdict");
        assert!(["premature-hangup", "unknown"].contains(&verdict), "{close:?}");
    }
}
