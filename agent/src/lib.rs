//! whohungup: who hung up, and why, for every TCP connection that ends on this host.
//!
//! ARCHITECTURE.md shows the life of one event. What decides is in `whohungup-core`, what knows aya in `whohungup-bpf`;
//! here is what a user starts and reads.

// `print!` and its like panic where nobody takes what they print.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod agent;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod container;
pub mod debug;
pub mod degraded;
pub mod delivery;
mod heap;
pub mod live;
pub mod manual;
pub mod mcp;
pub mod metrics;
pub mod otlp;
pub mod output;
pub mod owners;
pub mod peak;
pub mod privileges;
pub mod proc_access;
pub mod procinfo;
pub mod query;
pub mod recent_activity;
pub mod recent_warnings;
pub mod record;
mod refusals;
pub mod report;
pub mod run;
mod say;
pub mod selftest;
pub mod session;
pub mod signals;
mod tls_client;
pub mod top;
mod url_query;
pub mod watch;
pub mod web;
pub mod workloads;

pub use say::say;
