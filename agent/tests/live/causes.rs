//! Causes that one close alone does not show, with the real software that makes them.

mod limits;
mod masked;
mod memory;
mod pool;
mod shutdown;
mod timers;

use std::{net::TcpListener, thread, time::Duration};

use crate::{
    close::Close,
    peer::{ANYWHERE, Dialled, answer, ask, dial, read_response},
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
