//! whohungup: who hung up, and why, for every TCP connection that ends on this host.
//!
//! ARCHITECTURE.md shows the life of one event. Everything but [`probe`] works on plain values.

pub mod kernel;
pub mod probe;
