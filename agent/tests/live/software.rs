//! Software that people run: what it does to its connections is told as it is.

mod curl;
mod haproxy;
pub(crate) mod nginx;
mod node;
mod openssl;
mod requests;
mod tls;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    agent::{self, Agent},
    close::{Close, at},
    peer::{ANYWHERE, ask, dial, read_end, read_response},
};

/// A program that serves until it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) at: SocketAddr,
}

impl Server {
    /// Starts `command`, which was told to listen at `at`, and waits until it does.
    pub(crate) fn start(command: &mut Command, at: SocketAddr) -> Self {
        let server = Self { child: command.stdin(Stdio::null()).spawn().expect("start the server"), at };
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpStream::connect(at) {
                Ok(stream) => {
                    outlive(stream);
                    return server;
                }
                Err(error) => assert!(Instant::now() < until, "{command:?} does not listen: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Waits until the server has closed its end too: an agent that starts now must not find it.
fn outlive(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("shut down");
    stream.read_to_end(&mut Vec::new()).expect("the server's end");
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not SIGKILL: a master process must take its workers with it.
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("end the server");
        agent::wait(&mut self.child);
    }
}

/// An address at which nothing listens, for a server that must be told its port.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind(ANYWHERE).and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Starts `command` and reads the first line that it writes.
pub(crate) fn first_line(command: &mut Command) -> (Child, String, BufReader<ChildStdout>) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("start");
    let mut output = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("read its output");
    (child, line.trim().to_owned(), output)
}

/// Runs a client to its end, and returns what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("run the client");
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

/// Makes requests on one connection and holds it until the server closes it. Returns for how long it
/// was idle, as the client sees it: from the last byte of the last response to the end.
fn held_until_server_closes(server: SocketAddr, requests: u32) -> f64 {
    let mut stream = dial(server);
    let mut answered = Instant::now();
    for _ in 0..requests {
        ask(&mut stream);
        answered = read_response(&mut stream);
    }
    read_end(&mut stream).duration_since(answered).as_secs_f64()
}

/// Watches a raw client hold a connection until `server`'s own timer ends it, after about `timer`
/// seconds, and checks both ends' reports.
fn assert_idle_close_is_told(server: SocketAddr, timer: std::ops::Range<f64>, comm: &str) -> Vec<Close> {
    let agent = Agent::watch(server);
    let idle = held_until_server_closes(server, 2);
    assert!(timer.contains(&idle), "the server's timer fired after {idle} s");
    let closes = agent.closes(2);
    for close in &closes {
        close.says(&[
            ("verdict", "server-idle"),
            ("closer", "server"),
            ("how", "fin"),
            ("phase", "idle"),
            ("code", "SI"),
            ("basis", "http"),
            ("confidence", "exact"),
        ]);
        assert_eq!(
            (close.value("/requests"), close.value("/in_flight")),
            (&2.into(), &0.into()),
            "{close:?}"
        );
        close.was_idle_for(idle);
    }
    at(&closes, "server").is_held_by(comm);
    assert_eq!(at(&closes, "server").value("/closed_by/comm"), comm);
    assert_eq!(at(&closes, "client").value("/process/pid"), std::process::id());
    closes
}
