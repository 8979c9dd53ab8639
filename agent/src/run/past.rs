//! What the page shows of a past hour, from the record on disk.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{
    live::{KeptClose, Live, LiveSnapshot},
    query::{Replay, replay},
    record::{Interval, Scan},
};
use whohungup_core::{advice::ReportModel, endpoint::OpenByEndpoint, filter::Filter, products::Products};

/// What is shown of any moment.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Closes of the hour that are read at most: a question is not to take long.
const MOST: u64 = 500_000;

/// The record's directory, and the hour that was last asked for: whoever looks at one asks again and again.
#[derive(Debug)]
pub(super) struct Past {
    directory: Option<PathBuf>,
    max_endpoints: usize,
    last: Mutex<Option<Arc<PastHour>>>,
}

/// An hour as it was.
#[derive(Debug)]
pub(super) struct PastHour {
    until: Timestamp,
    pub(super) snapshot: LiveSnapshot,
    pub(super) model: ReportModel,
    pub(super) closes: Vec<Arc<KeptClose>>,
}

impl Past {
    pub(super) fn new(directory: Option<PathBuf>, max_endpoints: usize) -> Self {
        Self { directory, max_endpoints, last: Mutex::default() }
    }

    /// The hour before `until`. One is read at a time.
    ///
    /// # Errors
    /// When nothing is recorded, or the record cannot be read.
    pub(super) async fn hour(&self, until: Timestamp) -> anyhow::Result<Arc<PastHour>> {
        let directory = self
            .directory
            .clone()
            .context("this daemon keeps no record: start it with `whohungup run --record DIR`")?;
        let max_endpoints = self.max_endpoints;
        let mut last = self.last.lock().await;
        if let Some(known) = last.as_ref().filter(|known| known.until == until) {
            return Ok(Arc::clone(known));
        }
        let read = spawn_blocking(move || read(&directory, until, max_endpoints)).await;
        let hour = Arc::new(read.context("read the record")??);
        // Closes of the newest seconds are still being recorded: that hour is not over.
        let is_over = until.duration_until(Timestamp::now()) > SignedDuration::from_mins(1);
        *last = is_over.then(|| Arc::clone(&hour));
        Ok(hour)
    }
}

fn read(directory: &std::path::Path, until: Timestamp, max_endpoints: usize) -> anyhow::Result<PastHour> {
    let since = until.checked_sub(HOUR).context("an hour before that time is none")?;
    let everything = Filter::default();
    let scan =
        Scan { directory, interval: Interval { since, until }, filter: &everything, newest: Some(MOST) };
    let mut live = Live::default();
    let Replay { endpoints, meta, until_ns, .. } =
        replay(&scan, max_endpoints, true, |close| live.close(close))?;
    let model = whohungup_core::advice::build(&endpoints.endpoints(), Products::builtin(), meta);
    let wall_ahead_ns = i64::try_from(until.as_nanosecond() - i128::from(until_ns)).unwrap_or_default();
    let open = Arc::new(OpenByEndpoint::default());
    let snapshot = live.snapshot(until_ns, wall_ahead_ns, model.meta.clone(), &endpoints, Vec::new(), open);
    Ok(PastHour { until, snapshot, model, closes: live.closes(0) })
}
