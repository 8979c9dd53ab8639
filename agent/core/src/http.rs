//! Where an exchange stands, from what the probes followed of it. Pure code on plain values.

mod exchange;
mod goaway;
mod head;

pub(crate) use head::request_field;

pub use exchange::{BodyProgress, ExchangeState, Written, is_read, read};
pub use goaway::{Cut, Goaway};
