//! The lab: real servers and clients, whose connections a script ends (or sees ended) in every phase of an exchange,
//! and a table of what the agent says of each against what is true.
//!
//! The truth comes from the script's own end of the connection: every byte that it wrote and read, and how the end
//! came (`oracle`, `wire`). The agent runs as its users run it, `whohungup watch --json`.

mod agent;
mod backend;
mod client;
mod client_cases;
mod h2;
pub mod judge;
pub mod kit;
mod oracle;
mod order;
#[expect(dead_code, reason = "nothing is played with it yet")]
mod picture;
mod program;
pub mod races;
pub mod run;
mod script;
mod server;
mod server_cases;
mod setting;
mod software;
pub mod table;
pub mod timers;
pub mod truth;
mod wire;
#[expect(dead_code, reason = "nothing is played with it yet")]
mod wiretap;
