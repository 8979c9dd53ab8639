//! whohungup: who hung up, and why, for every TCP connection that ends on this host.
//!
//! ARCHITECTURE.md shows the life of one event. Everything but [`probe`] works on plain values.

pub mod check;
pub mod cli;
pub mod clock;
pub mod close;
pub mod degraded;
pub mod http;
pub mod infer;
pub mod keeper;
pub mod kernel;
pub mod knowledge;
pub mod live;
pub mod metrics;
pub mod observe;
pub mod output;
pub mod owners;
pub mod peak;
pub mod probe;
pub mod programs;
pub mod report;
pub mod run;
pub mod selftest;
pub mod session;
pub mod signals;
pub mod top;
pub mod track;
pub mod watch;
