//! `shutdown` before `close`, as HAProxy and many runtimes do it.

use std::{
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use harness::{Close, at, wait};
use testserver::SlowWire;

use crate::{
    agent,
    gate::require,
    peer::{Dialled, ask, dial, read_end, read_request, read_response, write_answer},
};

/// Beyond `--idle-threshold`.
const IDLE: Duration = Duration::from_millis(300);

#[test]
fn a_server_that_shuts_its_side_and_then_closes_is_reported_as_soon_as_one_that_closes() {
    require!();
    let (listener, agent) = agent::watched();
    let mut dialled = Dialled::to(&listener);
    dialled.exchange();
    thread::sleep(IDLE);
    let Dialled { mut client, server } = dialled;
    server.shutdown(Shutdown::Write).expect("shut down");
    read_end(&mut client);
    drop(server);
    drop(client);
    for close in agent.closes(2) {
        close.says("verdict=server-idle closer=server close_type=fin code=SI");
    }
}

#[test]
fn a_client_that_shuts_its_side_and_then_closes_has_hung_up_on_its_request() {
    require!();
    let (listener, agent) = agent::watched();
    let Dialled { mut client, mut server } = Dialled::to(&listener);
    ask(&mut client);
    read_request(&mut server);
    client.shutdown(Shutdown::Write).expect("shut down");
    read_end(&mut server);
    drop(client);
    drop(server);
    for close in agent.closes(2) {
        close.says("closer=client close_type=fin code=CW");
        // The client's kernel alone does not tell this from a half-close whose answer is still to come.
        let verdict = close.word("verdict");
        assert!(["premature-hangup", "unknown"].contains(&verdict), "{close:?}");
    }
}

/// A client that stops sending after its request: what its socket does until the server's FIN has come, and what the
/// server's end is then reported to be.
const LEAVES: [(Leave, &str, &str); 3] = [
    (Leave::Reads, "completed", "exact"),
    // The client's end is on this host too, and knows.
    (Leave::ClosesUnread, "premature-hangup", "exact"),
    (Leave::ClosesBefore, "premature-hangup", "exact"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Leave {
    /// It waits for the end of the connection.
    Reads,
    /// The answer is there, and the server's FIN on its way.
    ClosesUnread,
    /// The answer is on its way.
    ClosesBefore,
}

#[test]
fn an_answer_that_a_client_took_in_and_did_not_read_was_not_served() {
    require!();
    let wire = SlowWire::start().expect("a slow wire");
    let listener = thread::scope(|scope| {
        let bound = scope.spawn(|| {
            wire.enter_server().expect("enter the server's namespace");
            TcpListener::bind((SlowWire::SERVER, 0)).expect("bind")
        });
        bound.join().expect("a listener")
    });
    for (leave, verdict, confidence) in LEAVES {
        let played = wait::until_as_scripted(|| play(&wire, &listener, leave));
        let closes = played.unwrap_or_else(|error| panic!("{leave:?}: {error}"));
        let server = at(&closes, "server");
        server.says("closer=client close_type=fin code=CW");
        server.says(&format!("verdict={verdict} confidence={confidence}"));
    }
}

/// The server answers when the client has stopped sending, and closes three delays later. `None` when the client did not
/// leave when it should.
fn play(wire: &SlowWire, listener: &TcpListener, leave: Leave) -> Option<Vec<Close>> {
    let server = listener.local_addr().expect("address");
    let agent = agent::watch(&[server]);
    let (left, answered, hung_up) = thread::scope(|scope| {
        let client = scope.spawn(|| {
            wire.enter_client().expect("enter the client's namespace");
            leave_after_a_request(dial(server), leave)
        });
        let (mut server, _) = listener.accept().expect("accept");
        read_request(&mut server);
        read_end(&mut server);
        let answered = Instant::now();
        write_answer(&mut server);
        // The answer has been acknowledged by then, but for a client that is gone.
        thread::sleep(3 * SlowWire::DELAY);
        let hung_up = span(|| drop(server));
        (client.join().expect("the client leaves"), answered, hung_up)
    });
    let is_as_scripted = match leave {
        Leave::Reads => true,
        // The server's FIN is on its way.
        Leave::ClosesUnread => hung_up.1 < left.0 && left.1 < hung_up.0 + SlowWire::DELAY,
        // The answer is.
        Leave::ClosesBefore => left.1 < answered + SlowWire::DELAY,
    };
    let closes = agent.closes(2);
    is_as_scripted.then_some(closes)
}

/// From when until when it was done.
fn span(act: impl FnOnce()) -> (Instant, Instant) {
    let from = Instant::now();
    act();
    (from, Instant::now())
}

/// Returns when it left.
fn leave_after_a_request(mut client: TcpStream, leave: Leave) -> (Instant, Instant) {
    ask(&mut client);
    client.shutdown(Shutdown::Write).expect("shut down");
    match leave {
        Leave::Reads => {
            read_response(&mut client);
            read_end(&mut client);
        }
        Leave::ClosesUnread => {
            client.peek(&mut [0]).expect("the answer");
            // Half-way between the answer, and the FIN that was sent three delays after it.
            thread::sleep(5 * SlowWire::DELAY / 2);
        }
        Leave::ClosesBefore => thread::sleep(SlowWire::DELAY),
    }
    span(|| drop(client))
}
