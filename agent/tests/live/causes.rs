//! Causes that one close alone does not show, with the real software that makes them.

mod limits;
mod masked;
mod memory;
mod pool;
mod shutdown;
mod timers;

use std::{
    io::BufReader,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, ChildStdout, Command},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    close::Close,
    peer::{ANYWHERE, Dialled, answer, ask, dial, read_response},
    software::first_line,
};

/// The system's own: others on PATH may lack the libraries.
const PYTHON: &str = "/usr/bin/python3";

/// Asserts the causes of closes in the order in which they were told: not known from the first ones, then known.
fn become_known(closes: &[&Close], cause: &str) {
    let told: Vec<_> = closes.iter().map(|close| close.word("cause")).collect();
    assert!(told.len() > 3, "{told:?}");
    for (at, told) in told.iter().enumerate() {
        assert_eq!(*told, if at < 2 { "unknown" } else { cause }, "close {at}: {closes:#?}");
    }
}

/// A server of a test's own that was started, and where it said that it listens.
struct Started {
    child: Child,
    at: SocketAddr,
    _output: BufReader<ChildStdout>,
}

impl Started {
    /// `command` prints its port on loopback first.
    fn new(command: &mut Command) -> Self {
        let (child, port, output) = first_line(command);
        let port: u16 = port.parse().unwrap_or_else(|error| panic!("{command:?} says {port:?}: {error}"));
        Self { child, at: (Ipv4Addr::LOCALHOST, port).into(), _output: output }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signal the server");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
