//! HTTP/1 on captured heads: where an exchange stands. Pure code on plain values.

mod exchange;
mod head;

pub use exchange::{Standing, Written, read};
