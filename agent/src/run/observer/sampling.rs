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
/// While the budget is exceeded, or less is read because it was.
const OFF_WHILE_OVER: Duration = Duration::from_secs(4);

pub(super) struct Sampling {
    mode: BpfStats,
    /// Statistics are on while this is held.
    held: Option<Held>,
    before: Duration,
    is_close: bool,
    next: Instant,
    /// Of the agent, when a reading was last taken.
    own: (Instant, Duration),
}

struct Held {
    _statistics: OwnedFd,
    since: Instant,
    /// Of all programs, when it began.
    programs: RunTime,
}

impl Sampling {
    pub(super) fn new(mode: BpfStats) -> Self {
        Self {
            mode,
            held: None,
            before: Duration::ZERO,
            is_close: false,
            next: Instant::now(),
            own: (Instant::now(), own_time()),
        }
    }

    pub(super) fn set_mode(&mut self, mode: BpfStats) {
        self.mode = mode;
    }

    /// Whether readings are to come more often than every fifteen seconds.
    pub(super) fn read_often(&mut self, is_close: bool) {
        if is_close && !self.is_close && self.held.is_none() {
            self.next = self.next.min(Instant::now() + OFF_WHILE_OVER);
        }
        self.is_close = is_close;
    }

    /// Turns statistics on or off when it is time; tells what was taken where a measurement ends.
    pub(super) fn turn(&mut self, probes: &Probes) -> Option<Reading> {
        let now = Instant::now();
        let length = match self.mode {
            BpfStats::Always if self.is_close => ON + OFF_WHILE_OVER,
            BpfStats::Always => ON + OFF,
            _ => ON,
        };
        let mut reading = None;
        if let Some(held) = self.held.take_if(|held| now - held.since >= length) {
            self.before += now - held.since;
            reading = Some(self.read(&held, probes, now));
            self.next = match self.mode {
                BpfStats::Always => now,
                _ if self.is_close => now + OFF_WHILE_OVER,
                _ => now + OFF,
            };
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
        let taken = run_time(probes);
        let ((began, before), own) = (self.own, own_time());
        self.own = (now, own);
        let share = |taken: Duration, of: Duration| taken.as_secs_f64() / of.as_secs_f64().max(f64::EPSILON);
        Reading {
            programs: share(taken.all.saturating_sub(held.programs.all), now - held.since),
            http: share(taken.http.saturating_sub(held.programs.http), now - held.since),
            agent: share(own.saturating_sub(before), now - began),
        }
    }

    /// For how long statistics have been on.
    pub(super) fn sampled(&self) -> Duration {
        self.before + self.held.as_ref().map_or(Duration::ZERO, |held| held.since.elapsed())
    }
}

/// Of the programs since they were loaded, while statistics were on.
#[derive(Clone, Copy, Default)]
struct RunTime {
    all: Duration,
    /// Of those that read messages.
    http: Duration,
}

fn run_time(probes: &Probes) -> RunTime {
    probes.program_stats().iter().fold(RunTime::default(), |sum, stat| RunTime {
        all: sum.all + stat.time,
        http: if stat.program.starts_with("http_") { sum.http + stat.time } else { sum.http },
    })
}

/// Processor time of this process.
fn own_time() -> Duration {
    let taken = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(taken.tv_sec.unsigned_abs(), taken.tv_nsec.unsigned_abs() as u32)
}
