//! The one loop of `watch`, `report`, `top` and `run`: a session, and what is made of many closes beyond each by itself:
//! timers, causes that many closes prove, and whose they are.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use whohungup_bpf::{ProbeError, SocketDump};
use whohungup_core::{
    advice::{Meta, ReportModel},
    close::{ClosedConnection, LossReason},
    connection::{Progressed, Stopping, Tracker},
    endpoint::{
        Endpoint, Endpoints, InferLimits, InferTotals,
        counters::{ShutdownCount, ShutdownLoss},
    },
    filter::Filter,
    products::Products,
    shutdown::{Shutdown, Shutdowns},
};

use crate::{
    clock::{monotonic_ns, wall_time},
    heap,
    procinfo::ProgramCache,
    session::{POLL_INTERVAL, Record, Session, SessionOptions},
};

/// How often endpoints that have gone quiet are looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_mins(1);

/// Who takes what an [`Agent`] observes.
pub trait Handler {
    /// A connection ended. The verdict is final.
    fn close(&mut self, closed: ClosedConnection);

    /// Comes after the closes of each turn; `Break` ends the loop.
    fn turn(&mut self, agent: &mut Agent) -> ControlFlow<()>;
}

#[derive(Debug)]
pub struct Agent {
    pub session: Session,
    pub analyzer: Analyzer,
    filter: Filter,
    /// Seconds.
    long_lived: f64,
}

impl Agent {
    /// Attaches the probes. Tracks at most `max_endpoints` endpoints individually.
    ///
    /// # Errors
    /// When the kernel or the privileges do not allow it.
    pub fn start(options: SessionOptions, max_endpoints: usize) -> Result<Self, ProbeError> {
        let long_lived = options.long_lived.as_secs_f64();
        let session = Session::start(options)?;
        let analyzer = Analyzer::new(max_endpoints, session.tracker().tick());
        // The kernel's types and what was read of /proc are needed no more.
        heap::give_back();
        Ok(Self { session, analyzer, filter: Filter::default(), long_lived })
    }

    /// From which age on a connection counts in the keepalive audit.
    pub fn set_long_lived(&mut self, age: Duration) {
        self.long_lived = age.as_secs_f64();
    }

    /// Leaves out what `filter` does not want before anything is made of it.
    pub fn restrict(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Takes turns until `stopped` or until the handler ends it.
    pub fn run(&mut self, stopped: &AtomicBool, handler: &mut impl Handler) {
        while !stopped.load(Ordering::Relaxed) {
            self.turn(|closed| handler.close(closed));
            if handler.turn(self).is_break() {
                return;
            }
            if !self.session.is_behind() {
                thread::sleep(POLL_INTERVAL);
            }
        }
    }

    /// Takes in what has come since the last turn.
    pub fn turn(&mut self, mut on_close: impl FnMut(ClosedConnection)) {
        let Self { session, analyzer, filter, long_lived } = self;
        session.poll(|record| analyzer.take(filter, record).into_iter().for_each(&mut on_close));
        if let Some(walk) = session.take_walk() {
            analyzer.audit(session.tracker(), &walk, *long_lived, filter);
        }
        if analyzer.expire() {
            session.release_memory();
            heap::give_back();
        }
    }

    /// The last turn: settles every pending close at once.
    pub fn finish(&mut self, mut on_close: impl FnMut(ClosedConnection)) {
        let Self { session, analyzer, filter, .. } = self;
        session.finish(|record| analyzer.take(filter, record).into_iter().for_each(&mut on_close));
    }

    /// Everything so far, with advice.
    pub fn report(&self) -> ReportModel {
        self.analyzer.report(&self.session)
    }
}

/// The table of endpoints, fed with each close.
#[derive(Debug)]
pub struct Analyzer {
    table: Endpoints,
    programs: ProgramCache,
    shutdowns: Shutdowns,
    began_ns: u64,
    /// Seconds since then in which no agent ran.
    not_observed: f64,
    expired: Instant,
}

impl Analyzer {
    /// Tells apart at most `endpoints` endpoints; `tick` is the length of the kernel's clock tick in seconds.
    pub fn new(endpoints: usize, tick: f64) -> Self {
        let limits = InferLimits { endpoints, ..InferLimits::default() };
        Self {
            table: Endpoints::new(limits, tick),
            programs: ProgramCache::default(),
            shutdowns: Shutdowns::default(),
            began_ns: monotonic_ns(),
            not_observed: 0.0,
            expired: Instant::now(),
        }
    }

    /// Takes in what the filter wants; of closes they are handed on.
    fn take(&mut self, filter: &Filter, record: Record) -> Option<ClosedConnection> {
        match record {
            Record::Close(mut closed) if filter.has_close(&closed) => {
                self.close(&mut closed);
                return Some(closed);
            }
            Record::Requests(progressed) if filter.has_requests(&progressed) => self.progress(&progressed),
            Record::Stopping(Stopping::Listener(ended)) if !filter.has_listener(&ended) => {}
            Record::Stopping(stopping) => self.stopping(stopping),
            Record::Refused(listener, count) => self.refused(listener.netns, listener.port as u16, count),
            Record::Close(_) | Record::Requests(_) => {}
        }
        None
    }

    /// Takes in a settled close, and names its cause where it and those before it prove one.
    fn close(&mut self, closed: &mut ClosedConnection) {
        // Where the evidence was put into words, so is this.
        let tell = !closed.evidence.is_empty();
        let endpoint = self.table.close(closed, tell);
        if let Some((shutdown, reason, lost)) = self.shutdowns.close(closed) {
            let how =
                if reason == LossReason::IdleRace { ShutdownLoss::IdleRace } else { ShutdownLoss::InFlight };
            let count = ShutdownCount::Lost(how, lost);
            self.table.shutdown(shutdown.key(), shutdown.workload.as_ref(), count, closed.at_ns);
        }
        if let Some(pid) = self.table.unknown_program(closed)
            && let Some(program) = self.programs.get(pid, Instant::now())
        {
            self.table.know(&endpoint, program.as_ref().clone());
        }
    }

    /// Takes in a close from before a restart.
    pub fn recall(&mut self, close: &mut ClosedConnection) {
        self.began_ns = self.began_ns.min(close.at_ns);
        self.table.close(close, false);
    }

    /// Has what is counted from now on be in native histograms too.
    pub fn keep_native_histograms(&mut self) {
        self.table.keep_native_histograms();
    }

    /// Nothing of before the restart follows: the metrics count from here. For so many seconds of it no agent ran.
    pub fn recalled(&mut self, not_observed: f64) {
        self.not_observed = not_observed;
        self.table.restart_counters();
    }

    /// Takes in requests of a connection that is open.
    fn progress(&mut self, progressed: &Progressed) {
        self.table.progress(progressed, monotonic_ns());
    }

    /// Takes in that a server stops, or is told to.
    fn stopping(&mut self, stopping: Stopping) {
        match stopping {
            Stopping::Signal(sent) => self.shutdowns.signal(sent),
            Stopping::Listener(ended) => {
                let shutdown = self.shutdowns.ended(&ended, wall_time(ended.at_ns));
                let count = ShutdownCount::Stopped { signalled: shutdown.was_signalled() };
                self.table.shutdown(shutdown.key(), shutdown.workload.as_ref(), count, ended.at_ns);
            }
        }
    }

    /// Takes in how many connects were refused in all where a listener ended.
    fn refused(&mut self, netns: u32, port: u16, count: u64) {
        if let Some((shutdown, new)) = self.shutdowns.refused(netns, port, count) {
            let count = ShutdownCount::Lost(ShutdownLoss::Refused, new);
            self.table.shutdown(shutdown.key(), shutdown.workload.as_ref(), count, monotonic_ns());
        }
    }

    /// Takes in which connections of a walk over the sockets nobody would notice the loss of.
    fn audit(&mut self, tracker: &Tracker, walk: &SocketDump, older_than: f64, filter: &Filter) {
        let connections = tracker
            .long_lived(&walk.sockets, &walk.keepalives, older_than)
            .filter(|connection| filter.has_long_lived(connection));
        self.table.audit(connections, older_than, monotonic_ns());
    }

    /// Forgets, now and then, what has not been seen for long; true when it was time.
    fn expire(&mut self) -> bool {
        if self.expired.elapsed() < EXPIRE_INTERVAL {
            return false;
        }
        self.expired = Instant::now();
        self.table.expire(monotonic_ns());
        true
    }

    /// Processes that stopped listening, newest first.
    pub fn shutdowns(&self) -> Vec<Shutdown> {
        self.shutdowns.newest().rev().cloned().collect()
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
            .with_shutdowns(self.shutdowns())
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
            not_observed_seconds: self.not_observed,
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
