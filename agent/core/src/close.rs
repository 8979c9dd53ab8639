//! What one close was: the facts, and the verdict drawn from them. Pure code on plain values.

mod between;
pub mod classify;
mod ending;
mod evidence;
pub mod facts;
mod half_close;
mod inside;
mod outcome;
mod race;
#[cfg(test)]
pub(crate) mod sample;
mod view;

pub use between::woken_at;
pub use classify::{Close, KeepAlive, Options, Tell, classify};
pub use facts::{Facts, Plaintext, Resets};
pub use outcome::Outcome;
