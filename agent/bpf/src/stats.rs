//! What each program costs, by the kernel's own account.

use std::{
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::Duration,
};

use aya::{
    programs::Program,
    sys::{Stats, enable_stats},
};

use super::{
    attach::{DROP_PROGRAM, HTTP_PROGRAMS, LIFECYCLE_PROGRAMS, stand_in},
    error::ProbeError,
    load::Probes,
    openssl,
};

/// Names of all programs, on any kernel and with everything on.
pub fn program_names() -> impl Iterator<Item = &'static str> {
    all_programs(Some(DROP_PROGRAM)).map(|(program, _)| program)
}

/// How many there are.
pub const PROGRAMS: usize =
    LIFECYCLE_PROGRAMS.len() + 1 + HTTP_PROGRAMS.len() + openssl::TRACEPOINTS.len() + 2;

fn all_programs(
    stand_in: Option<(&'static str, &'static str)>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lifecycle = LIFECYCLE_PROGRAMS.iter().copied().chain(stand_in);
    lifecycle
        .chain(HTTP_PROGRAMS.iter().copied())
        .chain(openssl::TRACEPOINTS.iter().copied())
        .chain([(openssl::ENTER, ""), (openssl::LEAVE, "")])
}

/// Run count and time of one program, counted only while statistics are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramStat {
    pub program: &'static str,
    pub runs: u64,
    pub time: Duration,
    /// Runs that the kernel left out, because the program was running already on the same processor
    /// (an interrupt that itself ends a connection); counted always.
    pub missed: u64,
}

impl Probes {
    /// Turns run statistics on for the whole host until the result is dropped (BPF_ENABLE_STATS,
    /// Linux 5.8). Each run of each BPF program on the host then costs two clock reads more.
    ///
    /// # Errors
    /// When privileges are missing.
    pub fn measure(&self) -> Result<OwnedFd, ProbeError> {
        enable_stats(Stats::RunTime).map_err(|error| ProbeError::map("BPF_ENABLE_STATS", error.io_error))
    }

    /// Totals since load, for the programs that are loaded.
    pub fn program_stats(&self) -> Vec<ProgramStat> {
        all_programs(stand_in(&self.layout))
            .filter_map(|(program, _)| {
                let loaded = self.ebpf.program(program)?;
                let info = loaded.info().ok()?;
                let missed = missed_runs(loaded).unwrap_or(0);
                Some(ProgramStat { program, runs: info.run_count(), time: info.run_time(), missed })
            })
            .collect()
    }

    /// Runs left out of all programs since they were loaded: events that no record tells of.
    pub fn missed_runs(&self) -> u64 {
        self.program_stats().iter().map(|stat| stat.missed).sum()
    }
}

/// `recursion_misses` of the program's fdinfo (bpf_prog_show_fdinfo, kernel/bpf/syscall.c, since v5.12).
fn missed_runs(program: &Program) -> Option<u64> {
    let fd = program.fd().ok()?.as_fd().as_raw_fd();
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok())
}
