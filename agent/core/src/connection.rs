//! Follows every connection from open to close; hands over facts when a close is settled.
//!
//! Pure code: records go in, reports come out, the clock is the records' own.

mod audit;
mod closing_habits;
mod correlate;
mod coverage;
mod ending;
mod entry;
mod join;
mod late;
mod listeners;
mod open;
mod opening;
mod pairs;
mod pools;
mod reachability;
mod recent;
mod reconcile;
mod requests;
mod retry;
mod same_request;
mod settle;
mod tally;
mod tracker;
mod unsettled;

pub use audit::{LongLived, Probing};
pub use coverage::{BUCKETS, Coverage};
pub use entry::OpenState;
pub use listeners::{ListenerEnded, SentSignal, Stopping};
pub use open::OpenConnection;
pub(crate) use pools::is_shutdown;
pub use reconcile::Unreachable;
pub use requests::Progressed;
pub use retry::RetryQuery;
pub use tracker::{Limits, Totals, Tracker};
