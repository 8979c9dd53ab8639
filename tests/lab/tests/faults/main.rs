//! What may go wrong around the daemon, done to it: nothing is lost that is not counted, memory stays bounded, and
//! `/readyz` goes on to tell. `cargo xtask faults` plays these, and those of the agent's live tests that are faults too.
//!
//! In CI the sizes are those of a minute; by hand those of docs/lab.md.

#[path = "../gate/mod.rs"]
mod gate;
mod listener;
mod namespaces;
mod ring;
mod scanner;
mod subject;
