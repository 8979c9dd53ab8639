//! Causes that one close alone does not show, with the real software that makes them.

mod limits;
mod memory;
mod pool;
mod retried;
mod shutdown;
mod timers;

use harness::{Close, software::Server};

/// Asserts the causes of closes in the order in which they were reported: not known from the first ones, then known.
fn become_known(closes: &[&Close], cause: &str) {
    let reported: Vec<_> = closes.iter().map(|close| close.cause.as_str()).collect();
    assert!(reported.len() > 3, "{reported:?}");
    for (at, reported) in reported.iter().enumerate() {
        assert_eq!(*reported, if at < 2 { "unknown" } else { cause }, "close {at}: {closes:#?}");
    }
}

/// A server of a test's own that says at which port of loopback it listens.
fn announced(command: &mut std::process::Command) -> Server {
    Server::announced(command).unwrap_or_else(|error| panic!("{error:#}"))
}
