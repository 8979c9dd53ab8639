//! A report of what happens from now on: a session of its own, and a line that says how it goes.

use std::{
    io::{IsTerminal as _, Write as _},
    ops::ControlFlow,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use crate::{
    agent::{Agent, Handler},
    cli::ReportArgs,
};
use whohungup_core::{
    advice::ReportModel,
    close::{ClosedConnection, EvidenceDetail},
    labels::Verdict,
};

/// On a terminal the line is written anew this often, else a new one comes this often.
const ON_TERMINAL: Duration = Duration::from_secs(1);
const IN_LOG: Duration = Duration::from_mins(1);

/// Observes until the time is up or `stopped`, and reports.
///
/// # Errors
/// When the probes cannot be loaded.
pub(super) fn record(args: &ReportArgs, stopped: &AtomicBool) -> anyhow::Result<ReportModel> {
    let mut options = args.observe.session();
    options.judge.detail = EvidenceDetail::Off;
    let mut agent = Agent::start(options, args.observe.max_endpoints)?;
    agent.restrict(args.filter.filter());
    for warning in agent.session.warnings() {
        crate::say(format_args!("whohungup: {warning}"));
    }
    crate::say(format_args!("ready"));
    let mut progress = Progress { line: Line::new(args.duration), closes: 0, races: 0 };
    agent.run(stopped, &mut progress);
    progress.line.clear();
    agent.finish(|closed| progress.close(closed));
    Ok(agent.report())
}

/// How the recording goes.
struct Progress {
    line: Line,
    closes: u64,
    races: u64,
}

impl Handler for Progress {
    fn close(&mut self, closed: ClosedConnection) {
        self.closes += u64::from(!closed.amends);
        self.races += u64::from(closed.verdict == Verdict::IdleRace);
    }

    fn turn(&mut self, agent: &mut Agent) -> ControlFlow<()> {
        if self.line.is_over() {
            return ControlFlow::Break(());
        }
        let Self { line, closes, races } = self;
        line.turn(|| {
            let endpoints = agent.analyzer.totals().endpoints;
            format!("{closes} closes, {races} idle races, {endpoints} endpoints")
        });
        ControlFlow::Continue(())
    }
}

struct Line {
    began: Instant,
    lasts: Duration,
    terminal: bool,
    written: Instant,
}

impl Line {
    fn new(lasts: Duration) -> Self {
        let now = Instant::now();
        Self { began: now, lasts, terminal: std::io::stderr().is_terminal(), written: now }
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= self.lasts
    }

    fn turn(&mut self, counts: impl FnOnce() -> String) {
        let every = if self.terminal { ON_TERMINAL } else { IN_LOG };
        if self.written.elapsed() < every {
            return;
        }
        self.written = Instant::now();
        let left = Duration::from_secs(self.lasts.saturating_sub(self.began.elapsed()).as_secs());
        let left = humantime::format_duration(left);
        let text = format!("{left} left (Ctrl-C ends it now): {}", counts());
        let mut stderr = std::io::stderr().lock();
        // Nobody can be reported that nobody can be reported.
        let _unheard =
            if self.terminal { write!(stderr, "\r\x1b[2K{text}") } else { writeln!(stderr, "{text}") };
    }

    fn clear(&self) {
        if self.terminal {
            let _unheard = write!(std::io::stderr().lock(), "\r\x1b[2K");
        }
    }
}
