//! Closes for people and for programs.

pub mod json;
pub mod line;
pub mod summary;
