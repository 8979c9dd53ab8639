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
    endpoint::{Endpoint, Endpoints, InferLimits, InferTotals},
    products::Products,
};

/// How often endpoints that have gone quiet are looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);

/// The table of endpoints, fed with each close.
#[derive(Debug)]
pub struct Analyzer {
    table: Endpoints,
    programs: ProgramCache,
    began_ns: u64,
    expired: Instant,
}

impl Analyzer {
    /// Tells apart at most `endpoints` endpoints; `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(endpoints: usize, tick: f64) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        Self {
            table: Endpoints::new(limits, tick),
            programs: ProgramCache::default(),
            began_ns: monotonic_ns(),
            expired: Instant::now(),
        }
    }

    /// Takes in a settled close, and names its cause where it and those before it prove one.
    pub fn close(&mut self, closed: &mut ClosedConnection) {
        // Where the evidence was put into words, so is this.
        let tell = !closed.evidence.is_empty();
        let endpoint = self.table.close(closed, tell);
        if let Some(pid) = self.table.unknown_program(closed)
            && let Some(program) = self.programs.get(pid, Instant::now())
        {
            self.table.know(&endpoint, program.as_ref().clone());
        }
    }

    /// Takes in requests of a connection that is open.
    pub fn progress(&mut self, progressed: &Progressed) {
        self.table.progress(progressed, monotonic_ns());
    }

    /// Forgets, now and then, what has not been seen for long.
    pub fn expire(&mut self) {
        if self.expired.elapsed() < EXPIRE_INTERVAL {
            return;
        }
        self.expired = Instant::now();
        self.table.expire(monotonic_ns());
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.table.endpoints()
    }

    /// All that is kept of each, for the metrics and for those who look.
    pub fn table(&self) -> &Endpoints {
        &self.table
    }

    pub fn totals(&self) -> InferTotals {
        self.table.totals()
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
            endpoints_beyond: self.totals().beyond,
            losses: self.table.lost_requests().totals(),
            ..Meta::default()
        }
    }
}

/// To the second: RFC 3339, UTC.
fn shown_time(monotonic: u64) -> String {
    wall_time(monotonic).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
