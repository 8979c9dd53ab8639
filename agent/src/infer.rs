//! What many closes of one endpoint show together: its timers, how its connections are re-used, and what is at risk.
//!
//! Pure: reports in, [`Endpoint`]s out, in bounded memory.

pub mod model;

pub use model::{Endpoint, EndpointKey, Gaps, Headroom, Risk, Timer};
