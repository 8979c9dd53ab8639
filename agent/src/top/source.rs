//! Where what is shown comes from: probes of its own, or a daemon.

use std::{
    ops::ControlFlow,
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
    agent::{Agent, Handler},
    cli::TopArgs,
    live::{CLOSES, ClosesView, LIVE, LiveView, MAX_ENDPOINTS, NumberedClose, SCHEMA, build},
    recent_activity::RecentActivity,
    report::fetch::Client,
    session::POLL_INTERVAL,
};
use whohungup_core::{close::ClosedConnection, filter::Filter, products::Products};

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
        let filter = args.filter.filter();
        let thread = if let Some(url) = &args.from {
            let client = Client::new(url, &args.from_args)?;
            let first = ask(&client, &filter)?;
            builder.spawn(move || follow(&client, &filter, first, &sender, &stopped))
        } else {
            crate::say(format_args!("loading the probes"));
            let (options, endpoints) = (args.observe.session(), args.observe.max_endpoints);
            let (ready, is_ready) = mpsc::channel();
            let thread = builder.spawn(move || match Agent::start(options, endpoints) {
                Err(error) => drop(ready.send(Err(error))),
                Ok(mut agent) => {
                    drop(ready.send(Ok(())));
                    agent.run(&stopped, &mut Screen::new(endpoints, filter, sender));
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

/// Makes an update of what the agent observes each second.
struct Screen {
    recent: RecentActivity,
    filter: Filter,
    sender: SyncSender<Update>,
    sent: Option<Instant>,
}

impl Screen {
    fn new(endpoints: usize, filter: Filter, sender: SyncSender<Update>) -> Self {
        Self { recent: RecentActivity::new(endpoints), filter, sender, sent: None }
    }

    fn update(&mut self, agent: &Agent) -> Update {
        let material = self.recent.snapshot(&agent.session, &agent.analyzer);
        let model =
            whohungup_core::advice::build(&material.endpoints, Products::builtin(), material.meta.clone());
        let view = build(&material, &model, &self.filter, &[], MAX_ENDPOINTS);
        let mut closes = self.recent.changes(&agent.session, &agent.analyzer, 0).shown().closes;
        closes.retain(|numbered| self.filter.has_close(&numbered.close));
        Update::Seen(Box::new((view, closes)))
    }
}

impl Handler for Screen {
    fn close(&mut self, closed: ClosedConnection) {
        self.recent.close(closed);
    }

    fn turn(&mut self, agent: &mut Agent) -> ControlFlow<()> {
        self.recent.turn(&mut agent.session);
        if self.sent.is_none_or(|sent| sent.elapsed() >= EVERY) {
            self.sent = Some(Instant::now());
            let update = self.update(agent);
            // What is not drawn in time is not missed: the next says it all.
            let _late = self.sender.try_send(update);
        }
        ControlFlow::Continue(())
    }
}

fn follow(
    client: &Client,
    filter: &Filter,
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
        update = match ask(client, filter) {
            Ok(seen) => Update::Seen(Box::new(seen)),
            Err(error) => Update::Lost(format!("{error:#}")),
        };
    }
}

fn ask(client: &Client, filter: &Filter) -> anyhow::Result<(LiveView, Vec<NumberedClose>)> {
    let url = client.url();
    let not_understood =
        || format!("what answers at {url} is not understood; use the same version on both sides");
    let view: LiveView = serde_json::from_slice(&client.get(LIVE, filter)?).with_context(not_understood)?;
    if view.schema != SCHEMA {
        let schema = whohungup_core::sanitize::clean(&view.schema, 40);
        bail!(
            "the daemon at {url} speaks schema `{schema}`, this is `{SCHEMA}`: use the same version on both sides"
        );
    }
    let closes: ClosesView =
        serde_json::from_slice(&client.get(CLOSES, filter)?).with_context(not_understood)?;
    Ok((view, closes.closes))
}
