//! When the kernel measures what the programs cost. Measuring itself costs two clock reads a run, so
//! by default it is on for one second in fifteen: the time per run is exact, totals are of the
//! sampled time.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use crate::cli::BpfStats;
use whohungup_bpf::{Probes, one_line};

const ON: Duration = Duration::from_secs(1);
const OFF: Duration = Duration::from_secs(14);

pub(super) struct Sampling {
    mode: BpfStats,
    /// Statistics are on while this is held, since then.
    held: Option<(OwnedFd, Instant)>,
    before: Duration,
    next: Instant,
}

impl Sampling {
    pub(super) fn new(mode: BpfStats) -> Self {
        Self { mode, held: None, before: Duration::ZERO, next: Instant::now() }
    }

    /// Turns statistics on or off when it is time.
    pub(super) fn turn(&mut self, probes: &Probes) {
        let now = Instant::now();
        if let Some((_, since)) = &self.held
            && self.mode == BpfStats::Sampled
            && now - *since >= ON
        {
            self.before += now - *since;
            self.held = None;
            self.next = now + OFF;
        }
        if self.held.is_none() && self.mode != BpfStats::Off && now >= self.next {
            match probes.measure() {
                Ok(fd) => self.held = Some((fd, now)),
                Err(error) => {
                    tracing::warn!(error = one_line(&error), "what the programs cost is not measured");
                    self.mode = BpfStats::Off;
                }
            }
        }
    }

    /// For how long statistics have been on.
    pub(super) fn sampled(&self) -> Duration {
        self.before + self.held.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }
}
