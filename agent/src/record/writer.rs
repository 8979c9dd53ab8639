//! The thread that writes the record.

use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;

use super::{
    directory::{self, Directory, RecordError},
    file::OpenFile,
    gaps::{self, Gap, GapReason, State},
    limits::Limits,
    recorder::{Counts, Message},
};

/// Closes that are written at once at most.
const BATCH: usize = 1024;
/// How often is looked whether anything is to be done but to write.
const CHORES_INTERVAL: Duration = Duration::from_secs(1);
/// How long a disk that failed is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Losses of so long are one gap.
const GAP_INTERVAL: Duration = Duration::from_mins(1);
/// How often the log says that it still fails.
const WARN_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Writer {
    directory: Directory,
    limits: Limits,
    counts: Arc<Counts>,
    /// `None` until there is something to write.
    open: Option<OpenFile>,
    lines: Vec<u8>,
    /// What ended before has been written or counted as dropped.
    complete_until: Timestamp,
    chores_done: Instant,
    failed: Option<Instant>,
    warned: Option<Instant>,
    losses: Losses,
}

impl Writer {
    /// Finishes what the process before has left.
    pub(super) fn start(
        directory: Directory,
        limits: Limits,
        counts: Arc<Counts>,
    ) -> Result<Self, RecordError> {
        let path = directory.path.clone();
        let doing = || RecordError::io(&path, "written");
        let now = Timestamp::now();
        directory::remove_unfinished(&path).map_err(doing())?;
        if let Some(gap) = gaps::gap_before(&path, now) {
            tracing::warn!("the record at {}: {gap}", path.display());
            gaps::add(&path, &gap).map_err(doing())?;
        }
        let state = State { alive: now, stopped: false, complete_until: Some(now) };
        gaps::note_alive(&path, state).map_err(doing())?;
        let mut writer = Self {
            directory,
            limits,
            counts,
            open: None,
            lines: Vec::new(),
            complete_until: now,
            chores_done: Instant::now(),
            failed: None,
            warned: None,
            losses: Losses::new(now),
        };
        if let Err(error) = writer.tidy() {
            writer.fail(&error);
        }
        Ok(writer)
    }

    /// Writes what comes until nobody sends any more.
    pub(super) fn run(mut self, queue: &Receiver<Message>) {
        loop {
            match queue.recv_timeout(CHORES_INTERVAL) {
                Ok(first) => self.write(first, queue),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.chores_done.elapsed() >= CHORES_INTERVAL {
                self.chores_done = Instant::now();
                self.chores(false);
            }
        }
        self.chores(true);
    }

    fn write(&mut self, first: Message, queue: &Receiver<Message>) {
        self.lines.clear();
        let (mut closes, mut complete_until) = (0, self.complete_until);
        for message in std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)) {
            match message {
                // A close is always JSON: it has no map whose keys are no text.
                Message::Close(close) => {
                    if serde_json::to_writer(&mut self.lines, &close).is_ok() {
                        self.lines.push(b'\n');
                        closes += 1;
                    }
                }
                Message::CompleteUntil(until) => complete_until = until,
            }
        }
        self.write_lines(closes);
        self.complete_until = complete_until;
    }

    fn write_lines(&mut self, closes: u64) {
        if closes == 0 {
            return;
        }
        let may_try = self.failed.is_none_or(|at| at.elapsed() >= RETRY_AFTER);
        let written = if may_try { self.append() } else { Err(io::ErrorKind::StorageFull.into()) };
        match written {
            Ok(()) => {
                self.counts.written.fetch_add(closes, Ordering::Relaxed);
                self.counts.failing.store(false, Ordering::Relaxed);
                self.failed = None;
            }
            Err(error) => {
                self.counts.count_dropped(GapReason::Disk, closes);
                if may_try {
                    self.fail(&error);
                }
            }
        }
    }

    fn append(&mut self) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(OpenFile::create(&self.directory, Timestamp::now())?),
        };
        open.append(&self.lines)?;
        if open.is_finished() {
            self.open = None;
            self.tidy()?;
        }
        Ok(())
    }

    fn fail(&mut self, error: &io::Error) {
        self.failed = Some(Instant::now());
        self.counts.failing.store(true, Ordering::Relaxed);
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
            self.warned = Some(Instant::now());
            let directory = self.directory.path.display();
            tracing::warn!(%error, "the record at {directory} cannot be written: closes are counted as dropped");
        }
    }

    /// What is to be done now and then, and at the end.
    fn chores(&mut self, is_end: bool) {
        let now = Timestamp::now();
        if self.open.as_ref().is_some_and(|open| is_end || open.is_gone() || open.is_finished()) {
            self.open = None;
            if let Err(error) = self.tidy() {
                self.fail(&error);
            }
        }
        let noted = self.losses.note(&self.directory, &self.counts, (self.complete_until, now), is_end);
        // What ends while the daemon does is observed no more.
        let alive = if is_end { self.complete_until } else { now };
        let state = State { alive, stopped: is_end, complete_until: Some(self.losses.since) };
        if let Err(error) = noted.and_then(|()| gaps::note_alive(&self.directory.path, state)) {
            self.fail(&error);
        }
    }

    /// Compresses what is finished, and removes what is too much.
    fn tidy(&mut self) -> io::Result<()> {
        let open = self.open.as_ref().filter(|open| !open.is_empty()).map(OpenFile::path);
        // What does not fit in compressed form may fit once the oldest have gone.
        let compressed = self.directory.compress(open);
        let kept = self.directory.trim(&self.limits, open, SystemTime::now())?;
        self.counts.bytes.store(kept.bytes, Ordering::Relaxed);
        self.counts.files.store(kept.files, Ordering::Relaxed);
        self.counts.removed.fetch_add(kept.removed, Ordering::Relaxed);
        let broken = compressed?;
        if broken > 0 {
            tracing::warn!(lines = broken, "the record had lines that were no closes; they were left out");
        }
        Ok(())
    }
}

/// What was dropped since the newest gap was noted.
#[derive(Debug)]
struct Losses {
    noted: [u64; GapReason::DROPPED.len()],
    /// Since then they come.
    began: Timestamp,
    /// What ended before has been written or noted.
    since: Timestamp,
}

impl Losses {
    fn new(now: Timestamp) -> Self {
        Self { noted: [0; GapReason::DROPPED.len()], began: now, since: now }
    }

    fn note(
        &mut self,
        directory: &Directory,
        counts: &Counts,
        (complete_until, now): (Timestamp, Timestamp),
        is_end: bool,
    ) -> io::Result<()> {
        let dropped = counts.dropped();
        if dropped != self.noted {
            if !is_end && now.duration_since(self.began).unsigned_abs() < GAP_INTERVAL {
                return Ok(());
            }
            for ((&reason, count), noted) in GapReason::DROPPED.iter().zip(dropped).zip(&mut self.noted) {
                if count > *noted {
                    let closes = Some(count - *noted);
                    let from = self.since;
                    gaps::add(&directory.path, &Gap { from, until: now, reason, closes, partly_from: None })?;
                    *noted = count;
                }
            }
        }
        (self.began, self.since) = (now, complete_until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_noted_once_a_minute_however_far_back_the_record_is_incomplete() {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let folder = tempfile::tempdir().expect("a folder");
        let directory = Directory::take(folder.path()).expect("free");
        let counts = Counts::default();
        let mut losses = Losses::new(at(1000));
        for second in 1000..1200 {
            counts.count_dropped(GapReason::Queue, 1);
            // A half-closed connection waits for a minute.
            losses.note(&directory, &counts, (at(second - 62), at(second)), false).expect("written");
        }
        losses.note(&directory, &counts, (at(1199), at(1200)), true).expect("written");
        let noted = gaps::read(folder.path(), at(0), at(2000));
        let lines: Vec<_> = noted.iter().map(|gap| (gap.from, gap.until, gap.closes)).collect();
        let expected = [
            (at(1000), at(1060), Some(61)),
            (at(998), at(1120), Some(60)),
            (at(1058), at(1180), Some(60)),
            (at(1118), at(1200), Some(19)),
        ];
        assert_eq!(lines, expected);
    }
}
