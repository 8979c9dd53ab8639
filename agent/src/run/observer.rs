//! The thread that owns the session: polls, counts, answers scrapes.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::{
    cli::{BpfStats, RunArgs},
    clock::{monotonic_ns, wall_ahead_ns},
    keeper::Keeper,
    live::{Beat, Material},
    metrics::{BuildInfo, Metrics, Scrape, Snapshot, most_series},
    observe::Understanding,
    session::{POLL_INTERVAL, Session},
};

mod health;
mod sampling;
use health::Health;
use sampling::Sampling;

/// What is asked for, and where it is to be sent.
pub(super) enum Ask {
    /// What a scrape shows; whoever asks writes the text.
    Metrics(oneshot::Sender<Scrape>),
    /// What a view is made of, and how long it took to get.
    Material(oneshot::Sender<(Material, Duration)>),
    Beat {
        after: u64,
        answer: oneshot::Sender<Beat>,
    },
}

pub(super) struct Observer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    pub(super) alive: Heartbeat,
}

/// When the observer last came round, CLOCK_MONOTONIC ns.
#[derive(Clone, Debug, Default)]
pub(super) struct Heartbeat(Arc<AtomicU64>);

impl Heartbeat {
    fn beat(&self) {
        self.0.store(monotonic_ns(), Ordering::Relaxed);
    }

    /// Whether the observer came round within `limit`.
    pub(super) fn within(&self, limit: Duration) -> bool {
        let age = monotonic_ns().saturating_sub(self.0.load(Ordering::Relaxed));
        age <= limit.as_nanos() as u64
    }
}

/// Loads and attaches on the new thread, and returns once that is done.
pub(super) fn start(args: &RunArgs, asked: Receiver<Ask>) -> anyhow::Result<Observer> {
    let options = args.observe.session();
    let (stats, max_endpoints) = (args.bpf_stats, args.observe.max_endpoints);
    let stop = Arc::new(AtomicBool::new(false));
    let alive = Heartbeat::default();
    let (ready, is_ready) = mpsc::channel();
    let (stopped, beats) = (Arc::clone(&stop), alive.clone());
    let thread = thread::Builder::new()
        .name("observer".to_owned())
        .spawn(move || match Session::start(options) {
            Err(error) => drop(ready.send(Err(error))),
            Ok(session) => {
                beats.beat();
                drop(ready.send(Ok(())));
                Loop::new(session, options, stats, max_endpoints).run(&asked, &stopped, &beats);
            }
        })
        .context("start the observer thread")?;
    is_ready.recv().context("the observer thread ended early")??;
    Ok(Observer { stop, thread, alive })
}

impl Observer {
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::error!("the observer thread panicked");
        }
    }
}

struct Loop {
    session: Session,
    metrics: Metrics,
    understanding: Understanding,
    keeper: Keeper,
    options: crate::session::SessionOptions,
    sampling: Sampling,
    health: Health,
}

impl Loop {
    fn new(
        session: Session,
        options: crate::session::SessionOptions,
        stats: BpfStats,
        max_endpoints: usize,
    ) -> Self {
        for note in session.notes() {
            tracing::warn!("{note}");
        }
        let build = BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            kernel: whohungup_bpf::kernel_release(),
            object: session.probes().object().to_owned(),
        };
        let tick = session.tracker().tick();
        tracing::info!(series = most_series(max_endpoints), "metrics have at most so many series");
        Self {
            metrics: Metrics::new(build),
            understanding: Understanding::new(max_endpoints, tick),
            keeper: Keeper::new(max_endpoints),
            session,
            options,
            sampling: Sampling::new(stats),
            health: Health::default(),
        }
    }

    fn run(mut self, asked: &Receiver<Ask>, stopped: &AtomicBool, alive: &Heartbeat) {
        while !stopped.load(Ordering::Relaxed) {
            let Self { session, metrics, understanding, keeper, .. } = &mut self;
            // Each wants both, and neither is called by the other.
            let both = RefCell::new((metrics, understanding));
            session.poll_all(
                |mut closed| {
                    let (metrics, understanding) = &mut *both.borrow_mut();
                    // First, as it may name the cause.
                    understanding.close(&mut closed);
                    metrics.close(&closed);
                    keeper.close(closed);
                },
                |requests| {
                    let (_, understanding) = &mut *both.borrow_mut();
                    understanding.progress(&requests);
                },
            );
            self.understanding.tidy();
            self.keeper.turn(&mut self.session);
            self.sampling.turn(self.session.probes());
            while let Ok(ask) = asked.try_recv() {
                self.answer(ask);
            }
            alive.beat();
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Whoever asked may have gone.
    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Metrics(answer) => {
                let began = Instant::now();
                let snapshot = self.snapshot();
                let scrape = self.metrics.scrape(self.understanding.table(), snapshot);
                tracing::debug!(held = ?began.elapsed(), "a scrape was taken");
                drop(answer.send(scrape));
            }
            Ask::Material(answer) => {
                let began = Instant::now();
                let material = self.keeper.material(&self.session, &self.understanding);
                drop(answer.send((material, began.elapsed())));
            }
            Ask::Beat { after, answer } => {
                drop(answer.send(self.keeper.beat(&self.session, &self.understanding, after)));
            }
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let inferred = self.understanding.totals();
        let (counters, degraded) = self.health.look(&self.session, &inferred);
        Snapshot {
            totals: self.session.tracker().totals(),
            limits: self.options.limits,
            open: self.session.tracker().open_by_role_and_state(),
            counters,
            malformed: self.session.malformed(),
            ring_bytes: u64::from(self.options.load.ring_bytes),
            // With what came meanwhile: no more than fits was there at once.
            ring_peak: self.session.ring_peak().min(self.options.load.ring_bytes.into()),
            longest_poll: self.session.longest_poll_interval(),
            programs: self.session.probes().program_stats(),
            sampled: self.sampling.sampled(),
            tls: self.session.probes().tls_libraries(),
            inferred,
            degraded,
            wall_ahead_ns: wall_ahead_ns(),
        }
    }
}
