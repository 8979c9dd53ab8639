//! The thread that owns the session: polls, counts, answers scrapes.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::sync::oneshot;
use whohungup_core::close::ClosedConnection;

use crate::{
    agent::{Agent, Handler},
    cli::RunArgs,
    clock::{monotonic_ns, wall_ahead_ns, wall_time},
    delivery::Counts,
    live::{LiveChanges, LiveSnapshot},
    metrics::{BuildInfo, Histograms, Metrics, Reading, Scrape, Snapshot, most_series},
    otlp::LogExporter,
    recent_activity::RecentActivity,
    record::{self, Recorder, Reserved},
    session::SessionOptions,
    web,
};

use whohungup_bpf::one_line;

mod health;
mod overhead;
mod sampling;
mod share;
use health::{Beside, Health};
use overhead::Budget;
use sampling::Sampling;
use share::{Share, Step};

/// What is asked for, and where it is to be sent.
pub(super) enum Ask {
    /// What a scrape shows; whoever asks writes the text.
    Metrics(oneshot::Sender<Scrape>),
    /// What a view is made of, and how long it took to get.
    Snapshot(oneshot::Sender<(LiveSnapshot, Duration)>),
    /// What can change while it runs is to be as it is there.
    Settings(Box<RunArgs>),
    Changes {
        after: u64,
        answer: oneshot::Sender<LiveChanges>,
    },
}

/// Who sends closes by OTLP, and what became of all that is sent.
#[derive(Debug, Default)]
pub(super) struct Otlp {
    pub(super) logs: Option<LogExporter>,
    pub(super) counts: Arc<Counts>,
}

/// What others do for or with the daemon, and the observer counts.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) otlp: Otlp,
    pub(super) web: Arc<web::Counts>,
}

pub(super) struct Observer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// Lives as long as the thread, however that ends.
    pub(super) running: Weak<()>,
    pub(super) alive: Heartbeat,
}

/// When the observer last came round, CLOCK_MONOTONIC ns.
#[derive(Clone, Debug, Default)]
pub(super) struct Heartbeat(Arc<AtomicU64>);

impl Heartbeat {
    pub(super) fn beat(&self) {
        self.0.store(monotonic_ns(), Ordering::Relaxed);
    }

    /// CLOCK_MONOTONIC ns; differs after each turn.
    pub(super) fn newest(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the observer came round within `limit`.
    pub(super) fn within(&self, limit: Duration) -> bool {
        let age = monotonic_ns().saturating_sub(self.newest());
        age <= limit.as_nanos() as u64
    }
}

/// Loads and attaches on the new thread, and returns once that is done.
pub(super) fn start(args: &RunArgs, around: Around, asked: Receiver<Ask>) -> anyhow::Result<Observer> {
    let args = args.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let alive = Heartbeat::default();
    let (ready, is_ready) = mpsc::channel();
    let runs = Arc::new(());
    let running = Arc::downgrade(&runs);
    let (stopped, beats) = (Arc::clone(&stop), alive.clone());
    let thread = thread::Builder::new()
        .name("observer".to_owned())
        .spawn(move || match begin(&args) {
            Err(error) => drop(ready.send(Err(error))),
            Ok((mut agent, recorder)) => {
                beats.beat();
                let mut counters = Counters::new(&agent, &args, (recorder, around), asked, beats);
                counters.recall(&args, &mut agent);
                drop(ready.send(Ok(())));
                agent.run(&stopped, &mut counters);
                let until = wall_time(monotonic_ns());
                if counters.recorder.is_some() || counters.around.otlp.logs.is_some() {
                    // What had ended and was not settled is told too.
                    agent.finish(|closed| counters.close(closed));
                }
                counters.recorder.into_iter().for_each(|recorder| recorder.stop(until));
                counters.around.otlp.logs.into_iter().for_each(LogExporter::stop);
                drop(runs);
            }
        })
        .context("start the observer thread")?;
    is_ready.recv().context("the observer thread ended early")??;
    Ok(Observer { stop, thread, running, alive })
}

/// The record first: without it nothing is to run.
fn begin(args: &RunArgs) -> anyhow::Result<(Agent, Option<Recorder>)> {
    let reserved = args.record.settings().map(Reserved::take).transpose()?;
    let mut agent = Agent::start(args.session(), args.observe.max_endpoints)?;
    if args.metrics_histograms == Histograms::Native {
        agent.analyzer.keep_native_histograms();
    }
    let recorder = reserved.map(Reserved::start).transpose()?;
    Ok((agent, recorder))
}

impl Observer {
    /// # Errors
    /// When the thread panicked.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_panic| anyhow::anyhow!("the observer thread panicked: its message is in the log");
        self.thread.join().map_err(panicked)
    }
}

/// What is counted and kept of all that the agent observes, and who asks for it.
struct Counters {
    metrics: Metrics,
    recent: RecentActivity,
    options: SessionOptions,
    sampling: Sampling,
    budget: Budget,
    share: Share,
    health: Health,
    recorder: Option<Recorder>,
    around: Around,
    asked: Receiver<Ask>,
    alive: Heartbeat,
}

impl Counters {
    fn new(
        agent: &Agent,
        args: &RunArgs,
        (recorder, around): (Option<Recorder>, Around),
        asked: Receiver<Ask>,
        alive: Heartbeat,
    ) -> Self {
        let max_endpoints = args.observe.max_endpoints;
        let session = &agent.session;
        for warning in session.warnings() {
            tracing::warn!("{warning}");
        }
        let build = BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            kernel: whohungup_bpf::kernel_release(),
            object: session.probes().object().to_owned(),
        };
        tracing::info!(
            series = most_series(max_endpoints, args.metrics_histograms),
            "metrics have at most so many series"
        );
        Self {
            metrics: Metrics::new(build, args.shown_labels(), args.metrics_histograms),
            recent: RecentActivity::new(max_endpoints),
            options: args.session(),
            sampling: Sampling::new(args.bpf_stats),
            budget: Budget::new(args.overhead_budget),
            share: Share::default(),
            health: Health::default(),
            recorder,
            around,
            asked,
            alive,
        }
    }

    /// What an agent before this one has recorded in the last hour.
    fn recall(&mut self, args: &RunArgs, agent: &mut Agent) {
        let Some(directory) = args.record.record.as_deref() else { return };
        let recalled = record::recall(directory, wall_ahead_ns(), |mut close| {
            agent.analyzer.recall(&mut close);
            self.recent.close(close);
        });
        let not_observed = match recalled {
            Ok(seconds) => seconds,
            Err(error) => {
                tracing::warn!(error = one_line(&error), "what was before the restart cannot be read");
                0.0
            }
        };
        agent.analyzer.recalled(not_observed);
    }

    /// Whoever asked may have gone.
    fn answer(&mut self, ask: Ask, agent: &mut Agent) {
        match ask {
            Ask::Metrics(answer) => {
                let began = Instant::now();
                let snapshot = self.snapshot(agent);
                let scrape = self.metrics.scrape(agent.analyzer.table(), snapshot);
                tracing::debug!(held = ?began.elapsed(), "a scrape was taken");
                drop(answer.send(scrape));
            }
            Ask::Snapshot(answer) => {
                let began = Instant::now();
                let material = self.recent.snapshot(&agent.session, &agent.analyzer);
                drop(answer.send((material, began.elapsed())));
            }
            Ask::Settings(args) => {
                self.sampling.set_mode(args.bpf_stats);
                self.budget.set(args.overhead_budget);
                agent.set_long_lived(args.observe.long_lived);
                agent.session.set_idle_threshold(args.observe.idle_threshold);
            }
            Ask::Changes { after, answer } => {
                drop(answer.send(self.recent.changes(&agent.session, &agent.analyzer, after)));
            }
        }
    }

    /// Reads fewer connections where what they cost is over the budget, and more where there is room.
    fn keep_within_budget(&mut self, reading: &Reading, agent: &mut Agent) {
        let Agent { session, analyzer, .. } = agent;
        if !session.probes().has_http() {
            return;
        }
        let shown = self.budget.shown();
        let counts = analyzer.table().load_by_port();
        let step = self.share.note(
            reading,
            (shown.budget, shown.is_over),
            (counts, session.left_out()),
            Instant::now(),
        );
        let done = match &step {
            Step::Keep => Ok(()),
            Step::LeaveOut(left_out) => session.leave_out(left_out),
            Step::Detach => session.detach_http(),
            Step::Attach(left_out) => session.leave_out(left_out).and_then(|()| session.attach_http()),
        };
        match done {
            Ok(()) if step == Step::Keep => {}
            Ok(()) => tracing::info!(?step, "how many connections are read, by the overhead budget"),
            Err(error) => {
                tracing::warn!(error = one_line(&error), "the overhead budget cannot be kept");
                self.share.has_failed(&step, Instant::now());
            }
        }
        self.sampling.read_often(shown.is_over || session.leaves_out() || self.budget.is_contrary());
    }

    fn snapshot(&mut self, agent: &mut Agent) -> Snapshot {
        let Agent { session, analyzer, .. } = agent;
        let inferred = analyzer.totals();
        let record = self.recorder.as_ref().map(Recorder::stats);
        let (otlp, web) = (self.around.otlp.counts.stats(), self.around.web.stats());
        let beside = Beside { record: record.as_ref(), otlp: &otlp, web };
        let (counters, degraded) = self.health.observe(session, &inferred, beside);
        Snapshot {
            totals: session.tracker().totals(),
            limits: self.options.limits,
            open: session.tracker().open_by_role_and_state(),
            counters,
            malformed: session.malformed(),
            cgroups_unresolved: session.cgroups_unresolved(),
            kubernetes: session.kubernetes().unwrap_or_default(),
            ring_bytes: u64::from(self.options.load.ring_bytes),
            // With what came meanwhile: no more than fits was there at once.
            ring_peak: session.ring_peak().min(self.options.load.ring_bytes.into()),
            longest_poll: session.longest_poll_interval(),
            programs: session.probes().program_stats(),
            sampled: self.sampling.sampled(),
            overhead: Some(self.budget.shown()),
            http_coverage: session.http_coverage(),
            tls: session.probes().tls_libraries(),
            inferred,
            degraded,
            record,
            otlp,
            web,
            wall_ahead_ns: wall_ahead_ns(),
        }
    }
}

impl Handler for Counters {
    fn close(&mut self, closed: ClosedConnection) {
        self.metrics.close(&closed);
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&closed);
        }
        if let Some(exporter) = &self.around.otlp.logs {
            exporter.take(&closed);
        }
        self.recent.close(closed);
    }

    fn turn(&mut self, agent: &mut Agent) -> ControlFlow<()> {
        self.recent.turn(&mut agent.session);
        if let Some(recorder) = self.recorder.as_mut().filter(|_| !agent.session.is_behind()) {
            recorder.note_complete(|| agent.session.tracker().complete_until(monotonic_ns()));
        }
        if let Some(reading) = self.sampling.turn(agent.session.probes()) {
            self.budget.note(reading);
            self.keep_within_budget(&reading, agent);
        }
        while let Ok(ask) = self.asked.try_recv() {
            self.answer(ask, agent);
        }
        self.alive.beat();
        ControlFlow::Continue(())
    }
}
