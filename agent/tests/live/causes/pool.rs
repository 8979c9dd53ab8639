//! Pools that let connections go because they have enough.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use harness::{
    Close, all_at, gate, of,
    software::{haproxy, python},
};

use crate::{
    agent,
    gate::require,
    peer::{answer, dial, free_address, listen, read_response},
    software::run,
};

/// Two requests one after another, which show that it is a pool; then two at the same time, with room for one connection.
const CLIENT: &str = "
import sys, threading, time, urllib3
pool = urllib3.PoolManager(maxsize=1, block=False)
def get(path): assert pool.request('GET', sys.argv[1] + path, retries=False).data == b'hi'
get(''); time.sleep(0.4); get('')
both = [threading.Thread(target=get, args=('slow',)) for _ in range(2)]
for one in both: one.start()
for one in both: one.join()
time.sleep(0.5)
get('')
time.sleep(0.3)
";

/// Answers every request, a while after it came if it says `slow`.
fn serve(listener: &TcpListener, connections: usize) {
    thread::scope(|scope| {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().expect("accept");
            scope.spawn(move || while answer_next(&mut stream) {});
        }
    });
}

fn answer_next(stream: &mut TcpStream) -> bool {
    let mut start = [0; 16];
    let is_there = stream.peek(&mut start);
    if !is_there.is_ok_and(|bytes| bytes > 0) {
        return false;
    }
    if start.windows(4).any(|word| word == b"slow") {
        thread::sleep(Duration::from_millis(200));
    }
    answer(stream);
    true
}

#[test]
fn a_connection_too_many_is_evicted_from_the_pool() {
    require!();
    if gate::python("urllib3").is_none() {
        return;
    }
    let listener = listen();
    let at = listener.local_addr().expect("address");
    let agent = agent::watch(&[at]);
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener, 2));
        run(python::script(CLIENT).arg(format!("http://{at}/")));
    });
    let closes = agent.closes(4);
    let clients = all_at(&closes, at, "client");
    let (evicted, kept): (Vec<&Close>, Vec<&Close>) =
        clients.into_iter().partition(|close| close.cause == "pool-evict");
    let ([evicted], [kept]) = (evicted.as_slice(), kept.as_slice()) else { panic!("{closes:#?}") };
    evicted.says("verdict=completed closer=client");
    evicted.proves(&["keeps 1 others to the same server and uses them again"]);
    // The library tidies up before its process exits.
    kept.says("verdict=client-idle closer=client cause=unknown");
    for close in all_at(&closes, at, "server") {
        close.says("closer=client");
        assert_eq!(close.cause, of(&closes, close.remote, close.local).cause, "the client's end knows");
    }
}

#[test]
fn a_purge_of_idle_connections_is_reported_from_an_idle_timer() {
    require!("haproxy");
    let (listener, agent) = agent::watched();
    let (at, upstream) = (free_address(), listener.local_addr().expect("address"));
    // It drops half of what it does not need every half second.
    let before = format!(
        " timeout client 60s\n timeout server 60s\n timeout connect 5s\n http-reuse always\n\
         frontend front\n bind {at}\n default_backend back\n\
         backend back\n server only {upstream} pool-purge-delay 500ms\n"
    );
    let haproxy = haproxy::start(at, &before).expect("HAProxy");
    let mut clients = Vec::new();
    let closes = thread::scope(|scope| {
        scope.spawn(|| serve(&listener, 6));
        // All at once, so that each needs a connection of its own; they end at different times.
        for _ in 0..6 {
            clients.push(dial(haproxy.at));
        }
        for client in &mut clients {
            client.write_all(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n").expect("write the request");
            thread::sleep(Duration::from_millis(25));
        }
        for client in &mut clients {
            read_response(client);
        }
        // Half of what there was, then half of the rest.
        agent.wait_for(6, |close| close.role == "client");
        haproxy.stop().expect("HAProxy ends");
        agent.closes(12)
    });
    let (evicted, alone): (Vec<&Close>, Vec<&Close>) =
        all_at(&closes, upstream, "client").into_iter().partition(|close| close.cause == "pool-evict");
    // Half of what there was, then half of the rest.
    assert!(evicted.len() >= 3, "{closes:#?}");
    for close in &evicted {
        close.says("verdict=client-idle closer=client close_type=rst phase=idle");
        close.proves(&["others to the same server that had been idle for other times"]);
        close.is_held_by("haproxy");
    }
    // One that goes by itself shows no more than how it was done.
    for close in alone {
        close.says("verdict=client-idle cause=linger-zero");
    }
    for close in all_at(&closes, upstream, "server") {
        close.says("verdict=client-idle closer=client close_type=rst");
        assert_eq!(close.cause, of(&closes, close.remote, close.local).cause, "the client's end knows");
    }
}
