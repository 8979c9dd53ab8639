//! Connections that are older than the agent.

use std::{net::Ipv4Addr, thread, time::Duration};

use harness::{Close, Namespace, at, of, port};

use crate::{
    agent,
    gate::require,
    peer::{Dialled, ask, listen, read_request},
};

/// Beyond `--idle-threshold`, so that a close after it is one of an idle connection.
const IDLE: Duration = Duration::from_millis(300);

/// Asserts that a close is reported as an adopted socket's, and judged as `verdict` or not at all.
fn assert_adopted(close: &Close, role: &str, closer: &str, verdict: &str) {
    // Nobody saw it begin.
    close.says("preexisting=true age_seconds=null");
    close.says(&format!("role={role} closer={closer} close_type=fin"));
    assert!([verdict, "unknown"].contains(&close.word("verdict")), "in truth {verdict}: {close:?}");
}

#[test]
fn connections_older_than_the_agent_are_reported_by_their_roles() {
    require!();
    let listener = listen();
    let dialled = || Dialled::to(&listener);
    let (unused, mut served, mut waiting, mut later) = (dialled(), dialled(), dialled(), dialled());
    served.exchange();
    ask(&mut waiting.client);
    read_request(&mut waiting.server);
    let agent = agent::watch(&[listener.local_addr().expect("address")]);
    later.exchange();
    thread::sleep(IDLE);

    let expected = [
        (unused.ends(), "client", "client-idle"),
        (served.ends(), "server", "server-idle"),
        (waiting.ends(), "server", "premature-hangup"),
        (later.ends(), "client", "client-idle"),
    ];
    drop(unused.client);
    drop(unused.server);
    drop(served.server);
    drop(served.client);
    drop(waiting.server);
    drop(waiting.client);
    drop(later.client);
    drop(later.server);
    let closes = agent.closes(8);
    for ((local, remote), closer, verdict) in expected {
        assert_adopted(of(&closes, local, remote), "client", closer, verdict);
        assert_adopted(of(&closes, remote, local), "server", closer, verdict);
    }
    // What is known for certain must be said: that they may all be `unknown` would make the above worthless.
    for ((local, remote), _, verdict) in [expected[0], expected[3]] {
        of(&closes, local, remote).says(&format!("verdict={verdict}"));
        of(&closes, remote, local).says(&format!("verdict={verdict}"));
    }
}

#[test]
fn without_a_listener_the_role_comes_from_the_socket() {
    require!();
    let listener = listen();
    let at = listener.local_addr().expect("address");
    let (unused, mut served) = (Dialled::to(&listener), Dialled::to(&listener));
    served.exchange();
    drop(listener);
    let agent = agent::watch(&[at]);
    thread::sleep(IDLE);
    let expected = [(unused.ends(), "server", "server-idle"), (served.ends(), "client", "client-idle")];
    drop(unused.server);
    drop(unused.client);
    drop(served.client);
    drop(served.server);
    let closes = agent.closes(4);
    for ((local, remote), closer, verdict) in expected {
        assert_adopted(of(&closes, local, remote), "client", closer, verdict);
        assert_adopted(of(&closes, remote, local), "server", closer, verdict);
    }
}

#[test]
fn a_restarted_agent_goes_on_where_the_first_one_ended() {
    require!();
    let listener = listen();
    let first = agent::watch(&[listener.local_addr().expect("address")]);
    let mut dialled = Dialled::to(&listener);
    dialled.exchange();
    assert!(first.closes(0).is_empty());

    let second = agent::watch(&[listener.local_addr().expect("address")]);
    dialled.exchange();
    thread::sleep(IDLE);
    drop(dialled.server);
    drop(dialled.client);
    let closes = second.closes(2);
    for role in ["client", "server"] {
        assert_adopted(at(&closes, role), role, "server", "server-idle");
        at(&closes, role).says("verdict=server-idle basis=http");
    }
}

#[test]
fn a_connection_in_another_network_namespace_is_adopted() {
    require!("ip");
    let namespace = Namespace::make();
    let (listener, mut dialled) = namespace.within(|| {
        let listener = port::listen(Ipv4Addr::LOCALHOST).expect("a listener");
        let mut dialled = Dialled::to(&listener);
        dialled.exchange();
        (listener, dialled)
    });

    let agent = agent::watch(&[listener.local_addr().expect("address")]);
    dialled.exchange();
    thread::sleep(IDLE);
    drop(dialled.client);
    drop(dialled.server);
    let closes = agent.closes(2);
    for role in ["client", "server"] {
        let close = at(&closes, role);
        assert_adopted(close, role, "client", "client-idle");
        close.says(&format!("verdict=client-idle basis=http netns={}", namespace.id()));
    }
}
