//! Where what is shown comes from: probes of its own, or a daemon.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SyncSender, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::{
    cli::TopArgs,
    keeper::Keeper,
    live::{CLOSES, ClosesView, LIVE, LiveView, NumberedClose, SCHEMA, Wanted, build},
    observe::Understanding,
    report::fetch,
    session::{POLL_INTERVAL, Session},
};
use whohungup_core::products::Knowledge;

const EVERY: Duration = Duration::from_secs(1);
/// Updates that wait to be drawn.
const WAITING: usize = 2;

/// What is new.
#[derive(Debug)]
pub(super) enum Update {
    Seen(Box<(LiveView, Vec<NumberedClose>)>),
    /// The daemon does not answer for the time being.
    Lost(String),
}

pub(super) struct Source {
    updates: Receiver<Update>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Source {
    /// Returns once the probes are attached, or the daemon has answered.
    pub(super) fn start(args: &TopArgs) -> anyhow::Result<Self> {
        let (sender, updates) = mpsc::sync_channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let builder = thread::Builder::new().name("observer".to_owned());
        let thread = if let Some(url) = args.from.clone() {
            let first = ask(&url)?;
            builder.spawn(move || follow(&url, first, &sender, &stopped))
        } else {
            eprintln!("loading the probes");
            let (options, endpoints) = (args.observe.session(), args.observe.max_endpoints);
            let (ready, is_ready) = mpsc::channel();
            let thread = builder.spawn(move || match Session::start(options) {
                Err(error) => drop(ready.send(Err(error))),
                Ok(session) => {
                    drop(ready.send(Ok(())));
                    observe(session, endpoints, &sender, &stopped);
                }
            });
            is_ready.recv().context("the observer thread ended early")??;
            thread
        };
        let thread = thread.context("start the observer thread")?;
        Ok(Self { updates, stop, thread: Some(thread) })
    }

    /// What has come since the last call.
    pub(super) fn updates(&mut self) -> anyhow::Result<Vec<Update>> {
        let mut all = Vec::new();
        loop {
            match self.updates.try_recv() {
                Ok(update) => all.push(update),
                Err(TryRecvError::Empty) => return Ok(all),
                Err(TryRecvError::Disconnected) => {
                    bail!("the observer thread ended; RUST_LOG=debug says more")
                }
            }
        }
    }

    pub(super) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the observer thread panicked");
        }
    }
}

fn observe(mut session: Session, endpoints: usize, sender: &SyncSender<Update>, stopped: &AtomicBool) {
    let mut understanding = Understanding::new(endpoints, session.tracker().tick());
    let mut keeper = Keeper::new(endpoints);
    let mut told: Option<Instant> = None;
    while !stopped.load(Ordering::Relaxed) {
        let both = std::cell::RefCell::new(&mut understanding);
        session.poll_all(
            |mut report| {
                both.borrow_mut().close(&mut report);
                keeper.close(report);
            },
            |requests| {
                both.borrow_mut().progress(&requests);
            },
        );
        understanding.tidy();
        keeper.turn(&mut session);
        if told.is_none_or(|told| told.elapsed() >= EVERY) {
            told = Some(Instant::now());
            let material = keeper.material(&session, &understanding);
            let model = whohungup_core::report::build(
                &material.endpoints,
                Knowledge::builtin(),
                material.meta.clone(),
            );
            let wanted = Wanted { limit: Wanted::MOST, ..Wanted::default() };
            let view = build(&material, &model, &wanted);
            let closes = keeper.beat(&session, &understanding, 0).shown().closes;
            // What is not drawn in time is not missed: the next says it all.
            let _late = sender.try_send(Update::Seen(Box::new((view, closes))));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn follow(
    url: &str,
    first: (LiveView, Vec<NumberedClose>),
    sender: &SyncSender<Update>,
    stopped: &AtomicBool,
) {
    let mut update = Update::Seen(Box::new(first));
    loop {
        let _late = sender.try_send(update);
        let until = Instant::now() + EVERY;
        while Instant::now() < until {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
        update = match ask(url) {
            Ok(seen) => Update::Seen(Box::new(seen)),
            Err(error) => Update::Lost(format!("{error:#}")),
        };
    }
}

fn ask(url: &str) -> anyhow::Result<(LiveView, Vec<NumberedClose>)> {
    let view: LiveView = serde_json::from_slice(&fetch::get(url, LIVE)?).with_context(|| {
        format!("what answers at {url} is not understood; use the same version on both sides")
    })?;
    if view.schema != SCHEMA {
        let schema = whohungup_core::sanitize::clean(&view.schema, 40);
        bail!(
            "the daemon at {url} speaks schema `{schema}`, this is `{SCHEMA}`: use the same version on both sides"
        );
    }
    let closes: ClosesView = serde_json::from_slice(&fetch::get(url, CLOSES)?).with_context(|| {
        format!("what answers at {url} is not understood; use the same version on both sides")
    })?;
    Ok((view, closes.closes))
}
