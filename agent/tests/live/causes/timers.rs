//! Timers, known from the third close on.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use harness::{Close, all_at};

use super::become_known;
use crate::{
    agent,
    gate::require,
    peer::{Dialled, ask, dial, listen, read_end, read_request, read_response},
    software::nginx,
};

const TIMES: u64 = 4;
/// Between one and the next: closes at the same moment are one piece of evidence.
const APART: Duration = Duration::from_millis(120);
/// When a client of these tests gives up.
const PATIENCE: Duration = Duration::from_millis(500);

#[test]
fn an_idle_timer_is_known_from_the_third_close_on_at_both_ends() {
    require!("nginx");
    let nginx = nginx("keepalive_timeout 1s;", "return 200 hi;");
    let at = nginx.at;
    let agent = agent::watch(&[at]);
    let used = || {
        thread::sleep(APART);
        let mut stream = dial(at);
        ask(&mut stream);
        read_response(&mut stream);
        stream
    };
    let streams: Vec<_> = (0..TIMES).map(|_| used()).collect();
    for mut stream in streams {
        read_end(&mut stream);
    }
    let closes = agent.closes(2 * TIMES as usize);
    for role in ["client", "server"] {
        let told = all_at(&closes, at, role);
        for close in &told {
            close.says("verdict=server-idle phase=idle");
        }
        become_known(&told, "keepalive-timer");
        told[2].proves(&["3 closes by the server so far came", "s after the last response"]);
    }
}

#[test]
fn a_head_that_takes_too_long_meets_the_servers_timer_for_it() {
    require!("nginx");
    let nginx = nginx("client_header_timeout 1s;", "return 200 hi;");
    let at = nginx.at;
    let agent = agent::watch(&[at]);
    let begun = || {
        thread::sleep(APART);
        let mut stream = dial(at);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: te").expect("write half a head");
        stream
    };
    let streams: Vec<_> = (0..TIMES).map(|_| begun()).collect();
    for mut stream in streams {
        stream.read_to_end(&mut Vec::new()).expect("an orderly end");
    }
    let closes = agent.closes(2 * TIMES as usize);
    for role in ["client", "server"] {
        let told = all_at(&closes, at, role);
        for close in &told {
            close.says("verdict=premature-hangup closer=server phase=request-head code=SH");
        }
        become_known(&told, "head-timer");
    }
}

/// Clients that give up on a server that sends one byte of its response, each time a little later. `from_byte`: whether
/// they wait from that byte or from their request.
fn give_up(listener: &TcpListener, from_byte: bool) {
    let one = |nth: u64| {
        let Dialled { mut client, mut server } = Dialled::to(listener);
        ask(&mut client);
        read_request(&mut server);
        let byte = Duration::from_millis(60 + 80 * nth);
        thread::sleep(byte);
        server.write_all(b"H").expect("write a byte");
        client.read_exact(&mut [0]).expect("a byte");
        let left = if from_byte { PATIENCE } else { PATIENCE.saturating_sub(byte) };
        timed_out(&mut client, left);
        drop(client);
        server.read_to_end(&mut Vec::new()).expect("an orderly end");
    };
    (0..TIMES).for_each(one);
}

fn timed_out(client: &mut TcpStream, after: Duration) {
    client.set_read_timeout(Some(after)).expect("timeout");
    let read = client.read(&mut [0; 64]);
    assert!(read.is_err(), "nothing comes: {read:?}");
}

#[test]
fn one_more_byte_tells_a_deadline_from_a_wait_for_the_next_byte() {
    require!();
    let listeners = [(); 3].map(|()| listen());
    let [deadline, stall, silent] = listeners.each_ref().map(|one| one.local_addr().expect("address"));
    let agent = agent::watch(&[deadline, stall, silent]);
    thread::scope(|scope| {
        scope.spawn(|| give_up(&listeners[0], false));
        scope.spawn(|| give_up(&listeners[1], true));
        scope.spawn(|| {
            for _ in 0..TIMES {
                let Dialled { mut client, mut server } = Dialled::to(&listeners[2]);
                ask(&mut client);
                read_request(&mut server);
                timed_out(&mut client, PATIENCE);
                drop(client);
                read_end(&mut server);
            }
        });
    });
    let closes = agent.closes(6 * TIMES as usize);
    let check = |at, phase, cause, since| {
        for role in ["client", "server"] {
            let told: Vec<&Close> = all_at(&closes, at, role);
            for close in &told {
                close.says(&format!("verdict=premature-hangup closer=client phase={phase}"));
            }
            become_known(&told, cause);
            told[2].proves(&["closes by the client so far came 0.5", since]);
        }
    };
    check(deadline, "response", "request-timeout", "s after the request began");
    check(stall, "response", "stall-timer", "s after the last byte");
    // Nothing but the response to wait for.
    check(silent, "waiting", "request-timeout", "s after the request began");
}
