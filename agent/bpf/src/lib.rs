//! The only crate that knows aya: loads, attaches, reads and measures the probes.

mod attach;
pub mod btf;
mod cgroup;
mod check;
mod counters;
mod coverage;
mod error;
mod events;
pub mod layout;
mod load;
mod namespaces;
mod openssl;
mod refused;
mod retry_scan;
mod socket_dump;
mod stats;

pub use cgroup::{CgroupRoot, find_root};
pub use check::{Finding, Standing, check};
pub use counters::CounterTotals;
pub use error::{Cause, ProbeError, one_line};
pub use events::Events;
pub use load::{DEFAULT_RING_BYTES, LoadOptions, OBJECT_VARIABLE, Probes, Tier, kernel_release};
pub use namespaces::ProcAccess;
pub use openssl::{Found, TlsLibraries, libraries, scan};
pub use socket_dump::SocketDump;
pub use stats::{PROGRAMS, ProgramStat, program_names};
