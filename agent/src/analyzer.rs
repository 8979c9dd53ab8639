//! What is made of closes beyond each by itself: timers, causes that many closes prove, and whose they are. In one place
//! for `run`, `report` and `watch`.

use std::time::{Duration, Instant};

use crate::{
    clock::{monotonic_ns, wall_time},
    procinfo::ProgramCache,
    session::Session,
};
use whohungup_core::{
    advice::{Meta, ReportModel},
    close::ClosedConnection,
    connection::Progressed,
    endpoint::{Endpoint, EndpointKey, InferLimits, InferTotals, Inference, Outlook, Place},
    products::Products,
};

/// How often endpoints that have gone quiet are looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);

/// Inference over all closes, fed with each.
#[derive(Debug)]
pub struct Analyzer {
    inference: Inference,
    programs: ProgramCache,
    began_ns: u64,
    expired: Instant,
}

impl Analyzer {
    /// Tells apart at most `endpoints` endpoints; `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(endpoints: usize, tick: f64) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        Self {
            inference: Inference::new(limits, tick),
            programs: ProgramCache::default(),
            began_ns: monotonic_ns(),
            expired: Instant::now(),
        }
    }

    /// Takes in a settled close, and names its cause where it and those before it prove one. Says which endpoint it
    /// belongs to.
    pub fn close(&mut self, closed: &mut ClosedConnection) -> Place {
        // Where the evidence was put into words, so is this.
        let tell = !closed.evidence.is_empty();
        let place = self.inference.close(closed, tell);
        if closed.retried {
            self.inference.masked(closed);
        }
        if let Some(pid) = self.inference.unknown_program(closed)
            && let Some(program) = self.programs.get(pid, Instant::now())
        {
            self.inference.know(&place.id, program.as_ref().clone());
        }
        place
    }

    /// Takes in requests of a connection that is open.
    pub fn progress(&mut self, progressed: &Progressed) -> Place {
        self.inference.progress(progressed, monotonic_ns())
    }

    /// Forgets, now and then, what has not been seen for long, and names it.
    pub fn expire(&mut self) -> Vec<EndpointKey> {
        if self.expired.elapsed() < EXPIRE_INTERVAL {
            return Vec::new();
        }
        self.expired = Instant::now();
        self.inference.expire(monotonic_ns())
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.inference.endpoints()
    }

    /// The same for the metrics: in no order, and nothing of what they count themselves.
    pub fn outlooks(&self) -> Vec<Outlook> {
        self.inference.outlooks()
    }

    pub fn totals(&self) -> InferTotals {
        self.inference.totals()
    }

    /// Everything so far, with advice. `session` tells what was missed.
    pub fn report(&self, session: &Session) -> ReportModel {
        whohungup_core::advice::build(&self.endpoints(), Products::builtin(), self.meta(session))
    }

    /// What was observed, and how well.
    pub fn meta(&self, session: &Session) -> Meta {
        let now_ns = monotonic_ns();
        Meta {
            from: shown_time(self.began_ns),
            until: shown_time(now_ns),
            observed_seconds: now_ns.saturating_sub(self.began_ns) as f64 / 1e9,
            kernel: whohungup_bpf::kernel_release(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            events_lost: session.counters().lost() + session.probes().missed_runs(),
            connections_untracked: session.tracker().totals().untracked,
            endpoints_over: self.totals().over,
            ..Meta::default()
        }
    }
}

/// To the second: RFC 3339, UTC.
fn shown_time(monotonic: u64) -> String {
    wall_time(monotonic).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
