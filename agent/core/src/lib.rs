//! Who hung up, and why: verdicts, tracking, inference, the world's defaults and advice.
//!
//! Pure code: records and plain values in, plain values out. No files, no clocks, no threads.

#![forbid(unsafe_code)]

pub mod close;
pub mod connection;
pub mod endpoint;
pub mod http;
pub mod labels;
pub mod products;
pub mod program;
pub mod report;
