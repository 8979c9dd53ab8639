//! Follows every connection from open to close; hands over facts when a close is settled.
//!
//! Pure code: records go in, reports come out, the clock is the records' own.

mod connection;
mod deadlines;
mod ending;
mod kin;
mod late;
mod listeners;
mod open;
mod opening;
mod reached;
mod recent;
mod reconcile;
mod requests;
mod retries;
mod settle;
mod siblings;
mod tally;
mod tracker;

pub use connection::OpenState;
pub use open::OpenByEndpoint;
pub use requests::{Progressed, RequestDelta};
pub use retries::RetryQuery;
pub(crate) use siblings::is_shutdown;
pub use tracker::{Limits, Totals, Tracker};
