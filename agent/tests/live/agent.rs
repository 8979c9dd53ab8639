//! The agent of this build.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

use harness::{Agent, Close, Daemon, Watch};

use crate::{peer::listen, schema};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_whohungup");

/// Starts it with these arguments and waits until it says that it is ready.
pub(crate) fn start(args: &[&str]) -> Agent {
    Agent::start(Command::new(BINARY).args(args)).expect("the agent starts")
}

pub(crate) fn daemon() -> Daemon {
    Daemon::start(Path::new(BINARY)).expect("the daemon starts")
}

/// `watch --json`, of which only what one of `at` is an end of is kept.
pub(crate) fn watch(at: &[SocketAddr]) -> Watched {
    watch_with(at, &[])
}

/// The same with more options.
pub(crate) fn watch_with(at: &[SocketAddr], options: &[&str]) -> Watched {
    Watched(Watch::at(Path::new(BINARY), at, options).expect("the agent starts"))
}

/// A listener of the test's own, and an agent that watches it.
pub(crate) fn watched() -> (TcpListener, Watched) {
    let listener = listen();
    let agent = watch(&[listener.local_addr().expect("address")]);
    (listener, agent)
}

/// Each of whose closes has the documented shape.
pub(crate) struct Watched(Watch);

impl Watched {
    /// Waits until so many closes were reported of which this is true.
    pub(crate) fn wait_for(&self, count: usize, is_it: impl Fn(&Close) -> bool) {
        self.0.wait_for(count, is_it).expect("closes");
    }

    /// Waits for `count` closes, ends the agent and makes sure that there were no others: each socket was reported
    /// exactly once.
    pub(crate) fn closes(self, count: usize) -> Vec<Close> {
        let closes = self.0.closes(count).unwrap_or_else(|error| panic!("{error:#}"));
        for close in &closes {
            schema::check(close.json());
        }
        closes
    }
}
