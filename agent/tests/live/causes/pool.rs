//! Pools that let connections go because they have enough.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use super::{ANYWHERE, PYTHON, dial, read_response};
use crate::{
    agent::Agent,
    close::{Close, all_at},
    gate,
    peer::answer,
    software::{Server, free_address, run},
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
    if !gate::can_observe() {
        return;
    }
    let found = Command::new(PYTHON).args(["-c", "import urllib3"]).output();
    if !found.is_ok_and(|found| found.status.success()) {
        gate::skip(&"the Python library urllib3 is not installed");
        return;
    }
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let at = listener.local_addr().expect("address");
    let agent = Agent::watch(at);
    thread::scope(|scope| {
        scope.spawn(|| serve(&listener, 2));
        run(Command::new(PYTHON).args(["-c", CLIENT, &format!("http://{at}/")]));
    });
    let closes = agent.closes(4);
    let clients = all_at(&closes, at, "client");
    let (evicted, kept): (Vec<&Close>, Vec<&Close>) =
        clients.into_iter().partition(|close| close.word("cause") == "pool-evict");
    let ([evicted], [kept]) = (evicted.as_slice(), kept.as_slice()) else { panic!("{closes:#?}") };
    evicted.says(&[("verdict", "completed"), ("closer", "client")]);
    evicted.proves(&["keeps 1 others to the same server and uses them again"]);
    // The library tidies up before its process exits.
    kept.says(&[("verdict", "client-idle"), ("closer", "client"), ("cause", "unknown")]);
    for close in all_at(&closes, at, "server") {
        close.says(&[("closer", "client"), ("cause", "unknown")]);
    }
}

/// HAProxy in front of `upstream`; it drops half of what it does not need every half second.
fn haproxy(upstream: SocketAddr, directory: &Path) -> Option<Server> {
    let program = gate::program("haproxy")?;
    let at = free_address();
    let configuration = format!(
        "global\n nbthread 1\n\
         defaults\n mode http\n timeout client 10s\n timeout server 10s\n timeout connect 5s\n http-reuse always\n\
         frontend front\n bind {at}\n default_backend back\n\
         backend back\n server only {upstream} pool-purge-delay 500ms\n"
    );
    let file = directory.join("haproxy.cfg");
    fs::write(&file, configuration).expect("write");
    Some(Server::start(Command::new(program).arg("-db").arg("-f").arg(&file), at))
}

#[test]
fn a_purge_of_idle_connections_is_told_from_an_idle_timer() {
    if !gate::can_observe() {
        return;
    }
    let directory = tempfile::tempdir().expect("temporary directory");
    let listener = TcpListener::bind(ANYWHERE).expect("bind");
    let upstream = listener.local_addr().expect("address");
    let Some(haproxy) = haproxy(upstream, directory.path()) else { return };
    let agent = Agent::watch(upstream);
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
        thread::sleep(Duration::from_millis(2500));
        drop(haproxy);
        agent.closes(12)
    });
    let (evicted, alone): (Vec<&Close>, Vec<&Close>) = all_at(&closes, upstream, "client")
        .into_iter()
        .partition(|close| close.word("cause") == "pool-evict");
    // Half of what there was, then half of the rest.
    assert!(evicted.len() >= 3, "{closes:#?}");
    for close in &evicted {
        close.says(&[("verdict", "client-idle"), ("closer", "client"), ("how", "rst"), ("phase", "idle")]);
        close.proves(&["others to the same server that had been idle for other times"]);
        close.is_held_by("haproxy");
    }
    // One that goes by itself shows no more than how it was done.
    for close in alone {
        close.says(&[("verdict", "client-idle"), ("cause", "linger-zero")]);
    }
    for close in all_at(&closes, upstream, "server") {
        close.says(&[("verdict", "client-idle"), ("closer", "client"), ("how", "rst"), ("cause", "unknown")]);
    }
}
