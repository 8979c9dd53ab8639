//! A report of what happens from now on: a session of its own, and a line that says how it goes.

use std::{
    cell::RefCell,
    io::{IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::ReportArgs,
    observe::Understanding,
    session::{POLL_INTERVAL, Session},
};
use whohungup_core::advice::ReportModel;
use whohungup_core::{
    close::{ClosedConnection, EvidenceDetail},
    identity::{Ends, Process},
    labels::{Role, Verdict},
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
    let mut session = Session::start(options)?;
    for note in session.notes() {
        eprintln!("whohungup: {note}");
    }
    eprintln!("ready");
    let understanding =
        RefCell::new(Understanding::new(args.observe.max_endpoints, session.tracker().tick()));
    let mut line = Line::new(args.duration);
    let closes = RefCell::new(Seen::default());
    let wanted = |role, ends: &Ends, process: Option<Process>| {
        let port = match role {
            Role::Client => ends.remote.port(),
            Role::Server | Role::Unknown => ends.local.port(),
        };
        let named = || process.map(|process| process.comm).unwrap_or_default();
        (args.port.is_empty() || args.port.contains(&port))
            && (args.process.is_empty() || args.process.iter().any(|name| named() == name.as_str()))
    };
    let take = |mut closed: ClosedConnection| {
        if !wanted(closed.role, &closed.ends, closed.process) {
            return;
        }
        understanding.borrow_mut().close(&mut closed);
        closes.borrow_mut().count(&closed);
    };
    while !stopped.load(Ordering::Relaxed) && !line.is_over() {
        session.poll_all(take, |progressed| {
            if wanted(progressed.role, &progressed.ends, progressed.process) {
                understanding.borrow_mut().progress(&progressed);
            }
        });
        understanding.borrow_mut().tidy();
        line.turn(&closes.borrow(), || understanding.borrow().totals().endpoints);
        thread::sleep(POLL_INTERVAL);
    }
    line.clear();
    session.finish(take);
    Ok(understanding.borrow().report(&session))
}

#[derive(Debug, Default)]
struct Seen {
    closes: u64,
    races: u64,
}

impl Seen {
    fn count(&mut self, closed: &ClosedConnection) {
        self.closes += u64::from(!closed.amends);
        self.races += u64::from(closed.verdict == Verdict::IdleRace);
    }
}

struct Line {
    began: Instant,
    lasts: Duration,
    terminal: bool,
    said: Instant,
}

impl Line {
    fn new(lasts: Duration) -> Self {
        let now = Instant::now();
        Self { began: now, lasts, terminal: std::io::stderr().is_terminal(), said: now }
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= self.lasts
    }

    fn turn(&mut self, seen: &Seen, endpoints: impl FnOnce() -> usize) {
        let every = if self.terminal { ON_TERMINAL } else { IN_LOG };
        if self.said.elapsed() < every {
            return;
        }
        self.said = Instant::now();
        let left = Duration::from_secs(self.lasts.saturating_sub(self.began.elapsed()).as_secs());
        let text = format!(
            "{} left (Ctrl-C ends it now): {} closes, {} idle races, {} endpoints",
            humantime::format_duration(left),
            seen.closes,
            seen.races,
            endpoints()
        );
        let mut stderr = std::io::stderr().lock();
        // Nobody can be told that nobody can be told.
        let _unheard =
            if self.terminal { write!(stderr, "\r\x1b[2K{text}") } else { writeln!(stderr, "{text}") };
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}
