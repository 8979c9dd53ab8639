//! Timers, known from the third close on.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use harness::{Close, all_at, wait};

use super::become_known;
use crate::{
    agent,
    gate::require,
    peer::{Dialled, ask, dial, listen, read_request, read_response},
    software::nginx,
};

const TIMES: u64 = 4;
/// Between one and the next: closes at the same moment are one piece of evidence.
const APART: Duration = Duration::from_millis(120);
/// When a client of these tests gives up.
const PATIENCE: Duration = Duration::from_millis(500);
/// What the agent takes for the same time (docs/verdicts.md).
const ALIKE: Duration = Duration::from_millis(20);

/// Plays until every timer took as long each time. `play` returns how long they took, too.
fn alike(mut play: impl FnMut() -> (Vec<Close>, Vec<Vec<Duration>>)) -> Vec<Close> {
    let played = wait::until_as_scripted(|| {
        let (closes, timers) = play();
        let is_alike = |took: &Vec<Duration>| {
            took.iter().max().zip(took.iter().min()).is_some_and(|(most, least)| *most <= *least + ALIKE)
        };
        timers.iter().all(is_alike).then_some(closes)
    });
    played.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Connections to `at`, begun one after the other by `begin`, which returns from when the server's timer runs; each is
/// held to its end.
fn ended_by_server(at: SocketAddr, begin: fn(&mut TcpStream) -> Instant) -> Vec<Close> {
    alike(|| {
        let agent = agent::watch(&[at]);
        let streams = (0..TIMES).map(|_| {
            thread::sleep(APART);
            let mut stream = dial(at);
            let from = begin(&mut stream);
            (stream, from)
        });
        let took = streams.collect::<Vec<_>>().into_iter().map(|(mut stream, from)| {
            stream.read_to_end(&mut Vec::new()).expect("an orderly end");
            from.elapsed()
        });
        let took = took.collect();
        (agent.closes(2 * TIMES as usize), vec![took])
    })
}

#[test]
fn an_idle_timer_is_known_from_the_third_close_on_at_both_ends() {
    require!("nginx");
    let nginx = nginx("keepalive_timeout 1s;", "return 200 hi;");
    let closes = ended_by_server(nginx.at, |stream| {
        ask(stream);
        read_response(stream)
    });
    for role in ["client", "server"] {
        let reported = all_at(&closes, nginx.at, role);
        for close in &reported {
            close.says("verdict=server-idle phase=idle");
        }
        become_known(&reported, "keepalive-timer");
        reported[2].proves(&["3 closes by the server so far came", "s after the last response"]);
    }
}

#[test]
fn a_head_that_takes_too_long_meets_the_servers_timer_for_it() {
    require!("nginx");
    let nginx = nginx("client_header_timeout 1s;", "return 200 hi;");
    let closes = ended_by_server(nginx.at, |stream| {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: te").expect("write half a head");
        Instant::now()
    });
    for role in ["client", "server"] {
        let reported = all_at(&closes, nginx.at, role);
        for close in &reported {
            close.says("verdict=premature-hangup closer=server phase=request-head code=SH");
        }
        become_known(&reported, "head-timer");
    }
}

/// What clients wait for when they give up.
#[derive(Clone, Copy, PartialEq)]
enum Awaits {
    /// The whole response, of which a byte comes, each time a little later.
    Response,
    /// The next byte.
    Byte,
    /// The same, and none comes.
    FirstByte,
}

/// Clients that give up on a server; how long each waited.
fn give_up(listener: &TcpListener, awaits: Awaits) -> Vec<Duration> {
    let one = |nth: u64| {
        let Dialled { mut client, mut server } = Dialled::to(listener);
        ask(&mut client);
        let mut from = Instant::now();
        read_request(&mut server);
        if awaits != Awaits::FirstByte {
            thread::sleep(Duration::from_millis(60 + 80 * nth));
            server.write_all(b"H").expect("write a byte");
            client.read_exact(&mut [0]).expect("a byte");
        }
        if awaits == Awaits::Byte {
            from = Instant::now();
        }
        let left = (from + PATIENCE).saturating_duration_since(Instant::now());
        client.set_read_timeout(Some(left)).expect("timeout");
        let read = client.read(&mut [0; 64]);
        assert!(read.is_err(), "nothing comes: {read:?}");
        drop(client);
        let took = from.elapsed();
        server.read_to_end(&mut Vec::new()).expect("an orderly end");
        took
    };
    (0..TIMES).map(one).collect()
}

#[test]
fn one_more_byte_tells_a_deadline_from_a_wait_for_the_next_byte() {
    require!();
    let listeners = [(); 3].map(|()| listen());
    let [deadline, stall, silent] = listeners.each_ref().map(|one| one.local_addr().expect("address"));
    let kinds = [Awaits::Response, Awaits::Byte, Awaits::FirstByte];
    let closes = alike(|| {
        let agent = agent::watch(&[deadline, stall, silent]);
        let took = thread::scope(|scope| {
            let playing: Vec<_> = listeners
                .iter()
                .zip(kinds)
                .map(|(listener, awaits)| scope.spawn(move || give_up(listener, awaits)))
                .collect();
            playing.into_iter().map(|one| one.join().expect("the clients give up")).collect()
        });
        (agent.closes(6 * TIMES as usize), took)
    });
    let check = |at, phase, cause, since| {
        for role in ["client", "server"] {
            let reported: Vec<&Close> = all_at(&closes, at, role);
            for close in &reported {
                close.says(&format!("verdict=premature-hangup closer=client phase={phase}"));
            }
            become_known(&reported, cause);
            reported[2].proves(&["closes by the client so far came 0.5", since]);
        }
    };
    check(deadline, "response", "request-timeout", "s after the request began");
    check(stall, "response", "stall-timer", "s after the last byte");
    // Nothing but the response to wait for.
    check(silent, "waiting", "request-timeout", "s after the request began");
}
