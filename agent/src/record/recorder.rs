//! What the observer hands its closes to: it never waits.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::Context as _;
use whohungup_core::{close::ClosedConnection, filter::Filter};

use crate::privileges;

use super::{
    directory::Directory,
    gaps::GapReason,
    limits::{Limits, RateLimit},
    redact::{Omit, Redact, redact},
    writer::Writer,
};

/// Closes that wait to be written at most: about 16 MB.
const QUEUE: usize = 8192;

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
    closes: SyncSender<ClosedConnection>,
    counts: Arc<Counts>,
    rate: RateLimit,
    settings: Settings,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// # Errors
    /// When the directory cannot be written to, or another process records there.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        let directory = Directory::take(&settings.directory)?;
        let counts = Arc::<Counts>::default();
        let (closes, queue) = sync_channel(QUEUE);
        let writer = Writer::start(directory, settings.limits, Arc::clone(&counts))?;
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                privileges::keep(&privileges::TO_WRITE);
                writer.run(&queue);
            })
            .context("start the thread that writes the record")?;
        Ok(Self {
            closes,
            counts,
            rate: RateLimit::new(settings.limits.rate, Instant::now()),
            settings,
            thread,
        })
    }

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
        match self.closes.try_send(close) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.counts.count_dropped(GapReason::Queue, 1),
            // The thread has ended; it never does by itself.
            Err(TrySendError::Disconnected(_)) => self.counts.count_dropped(GapReason::Disk, 1),
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

    /// Writes what is waiting, and ends.
    pub fn stop(self) {
        drop(self.closes);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes the record panicked: its message is in the log");
        }
    }
}
