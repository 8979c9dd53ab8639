//! The record on disk: closes as JSON lines (`run --record`), for those who ask later (`query`). docs/record.md.
//!
//! [`Recorder`] takes closes from the observer and never waits: a thread of its own writes them. Finished files are
//! compressed in blocks that say what is in them, so that a question reads only what may answer it.

mod block;
mod directory;
mod file;
mod gaps;
mod limits;
mod needles;
mod recall;
mod recorder;
mod redact;
mod scan;
mod units;
mod writer;

pub use directory::RecordError;
pub use gaps::{Gap, GapReason};
pub use limits::{DEFAULT_MAX_BYTES, DEFAULT_MAX_RATE, Limits};
pub use recall::{not_observed, recall, recalled};
pub use recorder::{RecordStats, Recorder, Reserved, Settings};
pub use redact::{Omit, Redact};
pub use scan::{Found, Interval, Scan, Scanned};
