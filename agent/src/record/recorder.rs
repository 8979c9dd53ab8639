//! What the observer hands its closes to: it never waits.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::Timestamp;
use whohungup_core::{close::ClosedConnection, filter::Filter};

use crate::privileges;

use super::{
    directory::{Directory, RecordError},
    gaps::GapReason,
    limits::{Limits, RateLimit},
    redact::{Omit, Redact, redact},
    writer::Writer,
};

/// Closes that wait to be written at most: about 16 MB.
const QUEUE: usize = 8192;
/// How often the writer learns how far it is complete.
const COMPLETE_INTERVAL: Duration = Duration::from_millis(500);

/// What the thread that writes is sent.
#[derive(Debug)]
pub(super) enum Message {
    Close(Box<ClosedConnection>),
    /// Every close that ended before has been sent, or counted.
    CompleteUntil(Timestamp),
}

/// What is recorded, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    pub directory: PathBuf,
    pub limits: Limits,
    pub filter: Filter,
    pub omit: Vec<Omit>,
    pub redact: Vec<Redact>,
}

/// What became of the closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordStats {
    pub written: u64,
    /// In the order of [`GapReason::DROPPED`].
    pub dropped: [u64; GapReason::DROPPED.len()],
    pub bytes: u64,
    pub files: u64,
    /// Files that were removed because they went over a limit of size or age.
    pub removed: u64,
    /// The newest attempt to write failed.
    pub failing: bool,
}

impl RecordStats {
    /// Closes that were to be recorded and were not.
    pub fn lost(&self) -> u64 {
        self.dropped.iter().sum()
    }
}

/// Shared with the thread that writes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    /// In the order of [`GapReason::DROPPED`].
    dropped: [AtomicU64; GapReason::DROPPED.len()],
    pub(super) bytes: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) removed: AtomicU64,
    pub(super) failing: AtomicBool,
}

impl Counts {
    pub(super) fn count_dropped(&self, reason: GapReason, closes: u64) {
        let counted = GapReason::DROPPED.iter().zip(&self.dropped).find(|(known, _)| **known == reason);
        if let Some((_, count)) = counted {
            count.fetch_add(closes, Ordering::Relaxed);
        }
    }

    pub(super) fn dropped(&self) -> [u64; GapReason::DROPPED.len()] {
        self.dropped.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
pub struct Recorder {
    queue: SyncSender<Message>,
    counts: Arc<Counts>,
    completed: Instant,
    rate: RateLimit,
    settings: Settings,
    thread: JoinHandle<()>,
}

/// A directory that is this process's, and in which nothing has been written yet.
#[derive(Debug)]
pub struct Reserved {
    directory: Directory,
    settings: Settings,
}

impl Reserved {
    /// # Errors
    /// When the directory cannot be written to, or another process records there.
    pub fn take(settings: Settings) -> Result<Self, RecordError> {
        Ok(Self { directory: Directory::take(&settings.directory)?, settings })
    }

    /// From now on what ends is observed: here ends the time in which nobody was there.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn start(self) -> anyhow::Result<Recorder> {
        let Self { directory, settings } = self;
        let counts = Arc::<Counts>::default();
        let (queue, messages) = sync_channel(QUEUE);
        let writer = Writer::start(directory, settings.limits, Arc::clone(&counts))?;
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                privileges::keep(&privileges::TO_WRITE);
                writer.run(&messages);
            })
            .context("start the thread that writes the record")?;
        Ok(Recorder {
            queue,
            counts,
            completed: Instant::now(),
            rate: RateLimit::new(settings.limits.rate, Instant::now()),
            settings,
            thread,
        })
    }
}

impl Recorder {
    /// Has `close` written, unless it is not wanted, or there is no room for it: then it is counted.
    pub fn take(&mut self, close: &ClosedConnection) {
        if !self.settings.filter.has_close(close) {
            return;
        }
        if !self.rate.allows(close.verdict.is_trouble(), Instant::now()) {
            self.counts.count_dropped(GapReason::Rate, 1);
            return;
        }
        let mut close = close.clone();
        redact(&mut close, &self.settings.omit, &self.settings.redact);
        match self.queue.try_send(Message::Close(Box::new(close))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.counts.count_dropped(GapReason::Queue, 1),
            // The thread has ended; it never does by itself.
            Err(TrySendError::Disconnected(_)) => self.counts.count_dropped(GapReason::Disk, 1),
        }
    }

    /// `until`: every close that ended before has been handed over.
    pub fn note_complete(&mut self, until: impl FnOnce() -> Timestamp) {
        if self.completed.elapsed() >= COMPLETE_INTERVAL {
            self.completed = Instant::now();
            // Where there is no room, the record is complete no further than the newest that found some.
            drop(self.queue.try_send(Message::CompleteUntil(until())));
        }
    }

    pub fn stats(&self) -> RecordStats {
        let Counts { written, bytes, files, removed, failing, .. } = &*self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RecordStats {
            written: read(written),
            dropped: self.counts.dropped(),
            bytes: read(bytes),
            files: read(files),
            removed: read(removed),
            failing: failing.load(Ordering::Relaxed) || self.thread.is_finished(),
        }
    }

    /// Writes what is waiting, and ends. `until`: what ended before has been handed over.
    pub fn stop(self, until: Timestamp) {
        // It has ended only if it panicked, which is said below.
        drop(self.queue.send(Message::CompleteUntil(until)));
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the record panicked: its message is in the log");
        }
    }
}
