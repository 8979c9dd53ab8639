//! What each program costs, by the kernel's own account.

use std::{os::fd::OwnedFd, time::Duration};

use aya::sys::{Stats, enable_stats};

use super::{
    attach::{HTTP_PROGRAMS, lifecycle_programs},
    error::ProbeError,
    load::Probes,
};

/// Run count and time of one program, counted only while statistics are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramStat {
    pub program: &'static str,
    pub runs: u64,
    pub time: Duration,
}

impl Probes {
    /// Turns run statistics on for the whole host until the result is dropped (BPF_ENABLE_STATS,
    /// Linux 5.8). Each run of each BPF program on the host then costs two clock reads more.
    ///
    /// # Errors
    /// When privileges are missing.
    pub fn measure(&self) -> Result<OwnedFd, ProbeError> {
        enable_stats(Stats::RunTime)
            .map_err(|error| ProbeError::Map { map: "BPF_ENABLE_STATS", reason: error.io_error.to_string() })
    }

    /// Totals since load, for the programs that are loaded.
    pub fn program_stats(&self) -> Vec<ProgramStat> {
        lifecycle_programs(&self.layout)
            .chain(HTTP_PROGRAMS.iter().copied())
            .filter_map(|(program, _)| {
                let info = self.ebpf.program(program)?.info().ok()?;
                Some(ProgramStat { program, runs: info.run_count(), time: info.run_time() })
            })
            .collect()
    }
}
