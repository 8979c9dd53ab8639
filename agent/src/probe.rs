//! The only module that knows aya: loads, attaches, reads and measures the probes.

mod attach;
mod cgroup;
mod counters;
mod error;
mod load;
mod namespaces;
mod sockets;
mod stats;

pub use attach::{HTTP_PROGRAMS, LIFECYCLE_PROGRAMS};
pub use cgroup::{CgroupRoot, find_root};
pub use counters::CounterTotals;
pub use error::ProbeError;
pub use load::{LoadOptions, OBJECT_VARIABLE, Probes, Tier};
pub use sockets::Walk;
pub use stats::ProgramStat;
