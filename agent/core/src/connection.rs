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
mod report;
mod requests;
mod retries;
mod settle;
mod siblings;
mod tally;
mod tracker;
mod walked;

pub use connection::{OpenState, Process};
pub use open::OpenByEndpoint;
pub use report::{ClosedBy, Ends, Report};
pub use requests::{Progressed, Requests};
pub use retries::Sought;
pub(crate) use siblings::is_shutdown;
pub use tracker::{Limits, Totals, Tracker};
