//! Sends what a scrape shows, now and then. What could not be sent is in the next export: everything is cumulative.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceResponse, resource::v1::Resource,
};
use prost::Message as _;

use super::{
    attributes::resource,
    logs::nanoseconds_now,
    metrics,
    retry::Backoff,
    sender::{Outcome, Sender},
    settings::{Settings, Signal},
};
use crate::{
    delivery::{Counts, Whose},
    metrics::Scrape,
};

/// The last export at the end has so long.
const LAST_WITHIN: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct MetricExporter {
    /// Dropped at the end.
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl MetricExporter {
    /// `None` where metrics are not to be sent. `scrape` says what is to be sent, or `None` if it cannot.
    ///
    /// # Errors
    /// When a certificate or a key cannot be used.
    pub fn start(
        settings: &Settings,
        node: Option<&str>,
        counts: &Arc<Counts>,
        scrape: impl Fn() -> Option<Scrape> + Send + 'static,
    ) -> anyhow::Result<Option<Self>> {
        let Some(target) = settings.target(Signal::Metrics) else { return Ok(None) };
        let (stop, stopped) = sync_channel(0);
        let thread = Thread {
            sender: Sender::new(target)?,
            resource: resource(&settings.resource, node),
            interval: settings.metric_interval,
            counts: Arc::clone(counts),
            stopped,
        };
        let thread = thread::Builder::new()
            .name("otlp-metrics".to_owned())
            .spawn(move || thread.run(scrape))
            .context("start the thread that sends metrics")?;
        Ok(Some(Self { stop, thread }))
    }

    /// Sends once more, for a few seconds at most.
    pub fn stop(self) {
        drop(self.stop);
        let until = Instant::now() + LAST_WITHIN;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(LOOK);
        }
    }
}

struct Thread {
    sender: Sender,
    resource: Resource,
    interval: Duration,
    counts: Arc<Counts>,
    stopped: Receiver<()>,
}

impl Thread {
    fn run(self, scrape: impl Fn() -> Option<Scrape>) {
        let mut due = Instant::now() + self.interval;
        while !self.is_stopped_before(due) {
            // What the machine slept through is not made up for.
            due = (due + self.interval).max(Instant::now());
            if let Some(scrape) = scrape() {
                self.export(scrape, due);
            }
        }
        if let Some(scrape) = scrape() {
            self.export(scrape, Instant::now());
        }
    }

    fn is_stopped_before(&self, due: Instant) -> bool {
        let left = due.saturating_duration_since(Instant::now());
        self.stopped.recv_timeout(left) == Err(RecvTimeoutError::Disconnected)
    }

    /// Tries until the next one is due, which says all that this one does.
    fn export(&self, scrape: Scrape, next: Instant) {
        let body = metrics::request(&self.resource, scrape, nanoseconds_now()).encode_to_vec();
        let mut backoff = Backoff::default();
        loop {
            let (why, pause) = match self.sender.send(&body) {
                Outcome::Taken(answer) => {
                    self.counts.note_attempt(Whose::Metrics, true);
                    return self.counts.add_export(!is_rejected(&answer));
                }
                Outcome::Refused(why) => (why, None),
                Outcome::Again { why, after } => (why, Some(backoff.pause(after))),
            };
            if self.counts.note_attempt(Whose::Metrics, false) {
                tracing::warn!(url = self.sender.url(), why, "metrics cannot be sent by OTLP");
            }
            let again = pause.map(|pause| Instant::now() + pause).filter(|again| *again < next);
            if again.is_none_or(|again| self.is_stopped_before(again)) {
                return self.counts.add_export(false);
            }
        }
    }
}

/// The other side left something out; what is no such answer says nothing of it.
fn is_rejected(answer: &[u8]) -> bool {
    let answer = ExportMetricsServiceResponse::decode(answer).ok();
    let partial =
        answer.and_then(|answer| answer.partial_success).filter(|said| said.rejected_data_points > 0);
    if let Some(partial) = &partial {
        let why = whohungup_core::sanitize::clean(&partial.error_message, 200);
        tracing::warn!(points = partial.rejected_data_points, %why, "metrics were rejected by OTLP");
    }
    partial.is_some()
}
