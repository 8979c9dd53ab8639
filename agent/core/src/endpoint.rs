//! What many closes of one endpoint show together: its timers, how its connections are reused, what is at risk, what
//! its metrics count, and its last hour.
//!
//! Pure: closes in, [`Endpoint`]s out, in bounded memory.

mod after_response;
mod band;
mod bins;
mod cause;
mod cluster;
pub mod counters;
mod eviction;
mod gaps;
mod idle_closer_share;
mod keepalive;
mod key;
pub mod last_hour;
mod limits;
mod losses;
pub mod model;
mod open;
mod path;
mod peers;
mod process_exits;
mod recent;
mod risk;
#[cfg(test)]
mod sample;
mod series;
mod server_closes;
mod shared_cause;
mod state;
mod summary;
mod table;
mod thrown_away;
mod timer_readings;
mod timers;

pub use keepalive::{FORGOTTEN_AFTER, KeepaliveAudit, ProbeSpeed};
pub use key::EndpointKey;
pub use limits::{InferLimits, TIMERS};
pub use losses::{Losses, REMEMBERED};
pub use model::{Endpoint, Gaps, Headroom, InferTotals, Risk, Timer};
pub use open::OpenByEndpoint;
pub use path::PathSilence;
pub use peers::PeerEndpoint;
pub use process_exits::Exits;
pub use table::Endpoints;
