//! What the observer hands its closes to, to be sent: it never waits.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use opentelemetry_proto::tonic::{
    collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse},
    common::v1::InstrumentationScope,
    logs::v1::{ResourceLogs, ScopeLogs},
    resource::v1::Resource,
};
use prost::Message as _;

use super::{
    attributes::resource,
    logs,
    retry::Backoff,
    sender::{Outcome, Sender},
    settings::{Settings, Signal},
};
use crate::{
    delivery::{Counts, LossReason, Whose},
    privileges,
};
use whohungup_core::close::{ClosedConnection, SCHEMA};

/// Closes that wait to be sent at most: about 16 MB.
const QUEUE: usize = 8192;
/// The last quarter of the room is for closes in trouble.
const FOR_ALL: usize = QUEUE / 4 * 3;
/// Closes in a request.
const BATCH: usize = 512;
/// How long a close waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// What waits at the end is sent within this, or lost.
const LAST_WITHIN: Duration = Duration::from_secs(3);
/// How often a pause looks whether the end has come.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct LogExporter {
    closes: SyncSender<ClosedConnection>,
    waiting: Arc<AtomicUsize>,
    /// When the end comes, once it is known.
    ends: Arc<OnceLock<Instant>>,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

impl LogExporter {
    /// `None` where closes are not to be sent.
    ///
    /// # Errors
    /// When a certificate or a key cannot be used.
    pub fn start(
        settings: &Settings,
        node: Option<&str>,
        counts: &Arc<Counts>,
    ) -> anyhow::Result<Option<Self>> {
        let Some(target) = settings.target(Signal::Logs) else { return Ok(None) };
        let (closes, queue) = sync_channel(QUEUE);
        let (waiting, ends) = (Arc::<AtomicUsize>::default(), Arc::<OnceLock<Instant>>::default());
        let thread = Thread {
            sender: Sender::new(target)?,
            resource: resource(&settings.resource, node),
            queue,
            waiting: Arc::clone(&waiting),
            ends: Arc::clone(&ends),
            counts: Arc::clone(counts),
        };
        let thread = thread::Builder::new()
            .name("otlp-logs".to_owned())
            .spawn(move || {
                privileges::keep(&[]);
                thread.run();
            })
            .context("start the thread that sends closes")?;
        Ok(Some(Self { closes, waiting, ends, counts: Arc::clone(counts), thread }))
    }

    /// Has `close` sent, or counts it where there is no room.
    pub fn take(&self, close: &ClosedConnection) {
        let waiting = self.waiting.load(Ordering::Relaxed);
        if waiting >= FOR_ALL && !close.verdict.is_trouble() {
            self.counts.add_lost(LossReason::Queue, 1);
            return;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.closes.try_send(close.clone());
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sent {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.add_lost(LossReason::Queue, 1);
        }
    }

    /// Sends what is waiting, for a few seconds at most.
    pub fn stop(self) {
        let end = *self.ends.get_or_init(|| Instant::now() + LAST_WITHIN);
        drop(self.closes);
        let until = end + 2 * LOOK;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        if !self.thread.is_finished() {
            let left = self.waiting.load(Ordering::Relaxed);
            tracing::warn!(closes = left, "the daemon ends before these closes could be sent by OTLP");
        }
    }
}

struct Thread {
    sender: Sender,
    resource: Resource,
    queue: Receiver<ClosedConnection>,
    waiting: Arc<AtomicUsize>,
    /// When the end comes, once it is known.
    ends: Arc<OnceLock<Instant>>,
    counts: Arc<Counts>,
}

impl Thread {
    fn run(self) {
        while let Some(batch) = self.gather() {
            let count = batch.len();
            if self.deliver(&batch).is_break() {
                self.counts.add_lost(LossReason::Stopped, count as u64);
                let left = self.queue.try_iter().count();
                self.counts.add_lost(LossReason::Stopped, left as u64);
                tracing::warn!(closes = count + left, "closes could not be sent by OTLP before the end");
                return;
            }
            self.waiting.fetch_sub(count, Ordering::Relaxed);
        }
    }

    /// The next closes; `None` at the end.
    fn gather(&self) -> Option<Vec<ClosedConnection>> {
        let mut batch = vec![self.queue.recv().ok()?];
        let until = Instant::now() + GATHER;
        while batch.len() < BATCH {
            match self.queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(close) => batch.push(close),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        Some(batch)
    }

    /// Sends until the other side has answered for good; breaks where there is no time left for it.
    fn deliver(&self, batch: &[ClosedConnection]) -> ControlFlow<()> {
        let body = request(&self.resource, batch).encode_to_vec();
        let (count, mut backoff) = (batch.len() as u64, Backoff::default());
        loop {
            let (why, after) = match self.sender.send(&body) {
                Outcome::Taken(answer) => {
                    self.taken(count, &answer);
                    return ControlFlow::Continue(());
                }
                Outcome::Refused(why) => {
                    tracing::warn!(
                        closes = count,
                        url = self.sender.url(),
                        why,
                        "closes were refused by OTLP"
                    );
                    self.counts.note_attempt(Whose::Logs, false);
                    self.counts.add_lost(LossReason::Refused, count);
                    return ControlFlow::Continue(());
                }
                Outcome::Again { why, after } => (why, after),
            };
            if self.counts.note_attempt(Whose::Logs, false) {
                tracing::warn!(url = self.sender.url(), why, "closes cannot be sent by OTLP; they wait");
            }
            let until = Instant::now() + backoff.pause(after);
            while Instant::now() < until {
                // No attempt comes before the end any more.
                if self.ends.get().is_some_and(|end| until > *end) {
                    return ControlFlow::Break(());
                }
                thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
            }
        }
    }

    fn taken(&self, count: u64, answer: &[u8]) {
        if self.counts.note_attempt(Whose::Logs, true) {
            tracing::info!(url = self.sender.url(), "closes can be sent by OTLP again");
        }
        // What is no such answer says nothing of any that were not taken.
        let partial =
            ExportLogsServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
        let rejected = partial.as_ref().map_or(0, |partial| partial.rejected_log_records);
        let rejected = u64::try_from(rejected).unwrap_or_default().min(count);
        if let Some(partial) = partial.filter(|_| rejected > 0) {
            let why = whohungup_core::sanitize::clean(&partial.error_message, 200);
            tracing::warn!(closes = rejected, url = self.sender.url(), %why, "closes were rejected by OTLP");
        }
        self.counts.add_lost(LossReason::Rejected, rejected);
        self.counts.add_delivered(count - rejected);
    }
}

fn request(resource: &Resource, batch: &[ClosedConnection]) -> ExportLogsServiceRequest {
    let scope = InstrumentationScope {
        name: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let log_records = batch.iter().map(logs::record).collect();
    let of_scope = ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() };
    let of_resource = ResourceLogs {
        resource: Some(resource.clone()),
        scope_logs: vec![of_scope],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest { resource_logs: vec![of_resource] }
}
