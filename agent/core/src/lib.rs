//! Who hung up, and why: verdicts, tracking, inference, the world's defaults and advice.
//!
//! Pure code: records and plain values in, plain values out. No files, no clocks, no threads.

#![forbid(unsafe_code)]

pub mod advice;
pub mod close;
pub mod connection;
pub mod duration;
pub mod endpoint;
pub mod filter;
pub mod format;
pub mod histogram;
pub mod http;
pub mod identity;
pub mod labels;
mod newest;
pub mod products;
pub mod program;
pub mod protocol;
pub mod report;
pub mod sanitize;
pub mod shutdown;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
pub mod workload;
