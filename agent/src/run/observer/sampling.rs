//! When the kernel measures what the programs cost. Measuring itself costs two clock reads a run, so
//! by default it is on for one second in fifteen: the time per run is exact, totals are of the
//! sampled time.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::{cli::BpfStats, metrics::Reading};
use whohungup_bpf::{Probes, one_line};

const ON: Duration = Duration::from_secs(1);
const OFF: Duration = Duration::from_secs(14);

pub(super) struct Sampling {
    mode: BpfStats,
    /// Statistics are on while this is held.
    held: Option<Held>,
    before: Duration,
    next: Instant,
    /// Of the agent, when a reading was last taken.
    own: (Instant, Duration),
}

struct Held {
    _statistics: OwnedFd,
    since: Instant,
    /// Of all programs, when it began.
    programs: Duration,
}

impl Sampling {
    pub(super) fn new(mode: BpfStats) -> Self {
        Self {
            mode,
            held: None,
            before: Duration::ZERO,
            next: Instant::now(),
            own: (Instant::now(), own_time()),
        }
    }

    pub(super) fn set_mode(&mut self, mode: BpfStats) {
        self.mode = mode;
    }

    /// Turns statistics on or off when it is time; tells what was taken where a measurement ends.
    pub(super) fn turn(&mut self, probes: &Probes) -> Option<Reading> {
        let now = Instant::now();
        let length = if self.mode == BpfStats::Always { ON + OFF } else { ON };
        let mut reading = None;
        if let Some(held) = self.held.take_if(|held| now - held.since >= length) {
            self.before += now - held.since;
            reading = Some(self.read(&held, probes, now));
            self.next = if self.mode == BpfStats::Always { now } else { now + OFF };
        }
        if self.held.is_none() && self.mode != BpfStats::Off && now >= self.next {
            match probes.measure() {
                Ok(statistics) => {
                    let programs = run_time(probes);
                    self.held = Some(Held { _statistics: statistics, since: now, programs });
                }
                Err(error) => {
                    tracing::warn!(error = one_line(&error), "what the programs cost is not measured");
                    self.mode = BpfStats::Off;
                }
            }
        }
        reading
    }

    /// What the programs took while `held`, and the agent since the reading before.
    fn read(&mut self, held: &Held, probes: &Probes, now: Instant) -> Reading {
        let taken = run_time(probes).saturating_sub(held.programs);
        let ((began, before), own) = (self.own, own_time());
        self.own = (now, own);
        let share = |taken: Duration, of: Duration| taken.as_secs_f64() / of.as_secs_f64().max(f64::EPSILON);
        Reading {
            programs: share(taken, now - held.since),
            agent: share(own.saturating_sub(before), now - began),
        }
    }

    /// For how long statistics have been on.
    pub(super) fn sampled(&self) -> Duration {
        self.before + self.held.as_ref().map_or(Duration::ZERO, |held| held.since.elapsed())
    }
}

/// Of all programs since they were loaded, while statistics were on.
fn run_time(probes: &Probes) -> Duration {
    probes.program_stats().iter().map(|stat| stat.time).sum()
}

/// Processor time of this process.
fn own_time() -> Duration {
    let taken = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(taken.tv_sec.unsigned_abs(), taken.tv_nsec.unsigned_abs() as u32)
}
