//! `whohungup report`: what many closes show together, and what to change.

mod advise;
pub mod build;
pub mod clean;
mod draw;
pub mod lore;
pub mod markdown;
pub mod model;
#[cfg(test)]
mod samples;
mod say;
pub mod text;
mod value;

pub use build::build;
pub use model::{Meta, ReportModel};
