//! Servers and processes that end: gracefully, by a signal, by themselves.

use std::{
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use harness::{
    Close, all_at, one_at,
    software::{Server, node, python},
};
use rustix::process::{Pid, Signal, kill_process};

use super::announced;
use crate::{
    agent,
    gate::require,
    peer::{ask, dial, read_end, read_message, read_response},
    software::nginx,
};

const IDLE: Duration = Duration::from_millis(300);

/// Announces its port and, at SIGTERM, closes what is idle and its listener.
const NODE: &str = "
const server = require('http').createServer((request, response) => response.end('hi'));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.on('SIGTERM', () => { server.close(); server.closeIdleConnections(); });
";

/// Answers one request on each of two connections; then does what it is reported to.
const SERVER: &str = "
import os, signal, socket, sys, time
def stop(*_):
    listener.close()
    time.sleep(float(sys.argv[1]))
    for connection in connections: connection.close()
    time.sleep(2)
    os._exit(0)
if sys.argv[1] != 'default': signal.signal(signal.SIGTERM, stop)
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
connections = []
while len(connections) < 2:
    connection = listener.accept()[0]
    connection.recv(4096)
    connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi')
    connections.append(connection)
if sys.argv[1] == 'default':
    # The next request is this program's last.
    connections[0].recv(4096)
    os._exit(3)
while True: time.sleep(1)
";

fn python(how: &str) -> Server {
    announced(python::script(SERVER).arg(how))
}

fn signal(server: &mut Server, signal: Signal) {
    server.program.signal(signal).expect("signal a server");
}

fn used(at: SocketAddr) -> TcpStream {
    let mut stream = dial(at);
    ask(&mut stream);
    read_response(&mut stream);
    stream
}

/// All of them are closed by the other end.
fn end(streams: impl IntoIterator<Item = TcpStream>) {
    for mut stream in streams {
        read_end(&mut stream);
    }
}

/// Both are idle closes by the server for this cause, at both ends.
fn are_ended_idle(closes: &[Close], at: SocketAddr, cause: &str, proof: &str) {
    for close in all_at(closes, at, "server") {
        close.says(&format!("verdict=server-idle closer=server cause={cause} phase=idle"));
        close.proves(&[proof]);
    }
    for close in all_at(closes, at, "client") {
        close.says(&format!("verdict=server-idle closer=server cause={cause} close_type=fin"));
    }
}

#[test]
fn a_shutdown_is_reported_by_the_end_of_the_listener() {
    require!("node", "nginx");
    let mut nginx = nginx("keepalive_timeout 60s;", "return 200 hi;");
    let mut node = announced(&mut node::script(NODE).expect("Node"));
    let [mut prompt, mut patient] = ["0", "0.6"].map(python);
    let servers = [node.at, nginx.at, prompt.at, patient.at];
    let agent = agent::watch(&servers);
    let streams: Vec<_> = servers.iter().flat_map(|&at| [used(at), used(at)]).collect();
    thread::sleep(IDLE);
    for server in [&mut node, &mut prompt, &mut patient] {
        signal(server, Signal::TERM);
    }
    signal(&mut nginx, Signal::QUIT);
    end(streams);

    let closes = agent.closes(16);
    for at in servers {
        assert_eq!(all_at(&closes, at, "server").len(), 2, "{at}: {closes:#?}");
    }
    are_ended_idle(&closes, node.at, "shutdown", "its listener was closed");
    are_ended_idle(&closes, nginx.at, "shutdown", "its listener was closed");
    are_ended_idle(&closes, prompt.at, "shutdown", "ms before it");
    are_ended_idle(&closes, patient.at, "unknown", "0.6 s before: a shutdown that waited for it");
}

/// What a server's own process did to it.
fn was_ended_by(close: &Close, cause: &str, signal: &str) {
    close.says(&format!("cause={cause} closer=server closed_by/exiting=true closed_by/signal={signal}"));
    assert!(!close.reasons().contains("its listener was closed"), "no shutdown: {close:?}");
}

#[test]
fn a_process_that_ends_says_how() {
    require!();
    let [mut killed, mut terminated, exits] = [(); 3].map(|()| python("default"));
    let agent = agent::watch(&[killed.at, terminated.at, exits.at]);
    let servers = [&killed, &terminated, &exits];
    let mut streams: Vec<_> = servers.iter().map(|server| [used(server.at), used(server.at)]).collect();
    thread::sleep(IDLE);
    signal(&mut killed, Signal::KILL);
    signal(&mut terminated, Signal::TERM);
    ask(&mut streams[2][0]);
    end(streams.into_iter().flatten());

    let closes = agent.closes(12);
    for (server, cause, signal) in [(&killed, "process-killed", "9"), (&terminated, "process-killed", "15")] {
        are_ended_idle(&closes, server.at, cause, "");
        for close in all_at(&closes, server.at, "server") {
            was_ended_by(close, cause, signal);
            assert!(!close.reasons().contains("others still listen"), "{close:?}");
        }
    }
    let exited = all_at(&closes, exits.at, "server");
    for close in &exited {
        was_ended_by(close, "process-exit", "null");
    }
    for role in ["server", "client"] {
        let mut verdicts: Vec<_> = all_at(&closes, exits.at, role)
            .iter()
            .map(|close| (close.verdict.as_str(), close.phase.as_str(), close.closer.as_str()))
            .collect();
        verdicts.sort_unstable();
        let want = [("premature-hangup", "waiting", "server"), ("server-idle", "idle", "server")];
        assert_eq!(verdicts, want, "{role}: {closes:#?}");
    }
}

#[test]
fn a_worker_that_is_killed_is_one_of_several() {
    require!("nginx");
    let nginx = nginx("keepalive_timeout 60s;", "return 200 $pid;");
    let at = nginx.at;
    let agent = agent::watch(&[at]);
    let mut stream = dial(at);
    ask(&mut stream);
    let (_, body) = read_message(&mut stream);
    let worker: i32 = body.parse().unwrap_or_else(|error| panic!("nginx says {body:?}: {error}"));
    thread::sleep(IDLE);
    kill_process(Pid::from_raw(worker).expect("a process id"), Signal::KILL).expect("kill the worker");
    read_end(&mut stream);
    drop(stream);

    let closes = agent.closes(2);
    let server = one_at(&closes, at, "server");
    was_ended_by(server, "process-killed", "9");
    server.says("verdict=server-idle phase=idle");
    server.proves(&["others still listen", "one worker of several"]);
    one_at(&closes, at, "client").says("verdict=server-idle cause=process-killed");
}
