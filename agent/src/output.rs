//! Closes for people and for programs.

pub mod line;
pub mod stdout;
pub mod summary;
