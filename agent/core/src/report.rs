//! What many closes show together, and what to change: the model, the advice, and both as text.

mod advise;
pub mod build;
pub mod draw;
mod known;
pub mod lore;
pub mod markdown;
pub mod model;
#[cfg(test)]
mod samples;
mod say;
pub mod text;
mod value;
pub mod words;

pub use build::build;
pub use model::{Meta, ReportModel};
