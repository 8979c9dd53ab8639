//! The lab: real servers and clients, whose connections a script ends (or sees ended) in every phase of an exchange,
//! and a table of what the agent reports of each against what is true.
//!
//! The truth comes from the script's own end of the connection: every byte that it wrote and read, and how the end
//! came (`oracle`, `wire`); or from a capture (`wiretap`). The agent runs as its users run it, `whohungup watch --json`.

mod backend;
pub mod cache;
pub mod cases;
pub mod catalogue;
mod client;
mod client_cases;
pub mod compare;
pub mod cures;
pub mod daemonset;
pub mod engines;
pub mod explain;
pub mod false_alarms;
pub mod field;
mod h2;
pub mod in_flight;
pub mod kit;
mod launch;
pub mod matrix;
mod oracle;
mod order;
mod picture;
mod plays;
pub mod races;
mod report;
mod script;
mod server;
mod server_cases;
mod software;
pub mod suite;
pub mod table;
pub mod timers;
pub mod truth;
mod wire;
mod wiretap;
