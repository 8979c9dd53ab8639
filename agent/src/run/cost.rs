//! What this process takes, as its standard metrics have it.

use std::time::Duration;

use procfs::{WithCurrentSystemInfo as _, process::Process};

use crate::metrics::ProcessCost;

/// Zeros where /proc does not tell.
pub(super) fn own_cost() -> ProcessCost {
    let mut cost = ProcessCost::default();
    let Ok(me) = Process::myself() else { return cost };
    if let Ok(stat) = me.stat() {
        let ticks = procfs::ticks_per_second() as f64;
        cost.cpu = Duration::from_secs_f64((stat.utime + stat.stime) as f64 / ticks);
        cost.resident_bytes = stat.rss_bytes().get();
        cost.virtual_bytes = stat.vsize;
        let booted = procfs::boot_time_secs().unwrap_or_default() as f64;
        cost.started = booted + stat.starttime as f64 / ticks;
    }
    cost.open_fds = me.fd_count().unwrap_or_default() as u64;
    cost.max_fds = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    cost
}
