//! The apparatus of every test that runs the agent as its users do: the live tests, the alerts, the benchmark, the lab.
//!
//! It starts the agent ([`Agent`], [`Watch`], [`Daemon`]), reads what it prints ([`Close`]), starts real software
//! ([`Program`], [`software`]) at ports that nobody else uses ([`port`]), and waits for conditions ([`wait`]).
#![expect(
    clippy::missing_errors_doc,
    reason = "each error says which step of a test failed; no caller tells them apart"
)]

mod agent;
mod close;
mod closes;
mod daemon;
pub mod gate;
pub mod http;
pub mod kubernetes;
mod namespace;
pub mod port;
mod program;
pub mod software;
pub mod wait;
mod watch;

pub use agent::{Agent, Ended};
pub use close::{CLOCK_TOLERANCE, Close, KeepAlive, Process};
pub use closes::{Closes, all_at, at, of, one_at};
pub use daemon::{Daemon, Samples, metric, sum};
pub use namespace::{Namespace, ip};
pub use program::{Program, await_end, close, run, spawn};
pub use watch::Watch;
