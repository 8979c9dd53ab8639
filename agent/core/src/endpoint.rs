//! What many closes of one endpoint show together: its timers, how its connections are re-used, and what is at risk.
//!
//! Pure: reports in, [`Endpoint`]s out, in bounded memory.

mod after_response;
mod balance;
mod band;
mod bins;
mod cause;
mod cluster;
mod gaps;
mod inference;
mod key;
mod limits;
pub mod model;
mod newcomers;
mod observe;
mod recent;
mod risk;
#[cfg(test)]
mod sample;
mod series;
mod show;
mod state;
mod stops;
mod told;

pub use inference::Inference;
pub use key::{EndpointKey, Place};
pub use limits::{InferLimits, TIMERS};
pub use model::{Endpoint, Gaps, Headroom, InferTotals, Outlook, Risk, Timer};
pub use stops::{Death, Stops};
