//! Where an exchange stands, from what the probes followed of it. Pure code on plain values.

mod exchange;
mod goaway;
mod head;

pub use exchange::{ExchangeState, Written, is_read, read};
pub use goaway::{Cut, Goaway};
