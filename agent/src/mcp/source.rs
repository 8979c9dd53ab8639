//! Where answers come from: a daemon, and its record.

use std::{collections::VecDeque, ops::ControlFlow, path::PathBuf};

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::{
    cli::McpArgs,
    live::CLOSES,
    query,
    record::{Gap, Interval, Scan},
    report::fetch::Client,
};
use whohungup_core::{
    advice::ReportModel,
    close::{CloseId, ClosedConnection},
    filter::Filter,
};

#[derive(Debug)]
pub(super) struct Source {
    daemon: Client,
    record: PathBuf,
}

/// Closes of a time.
pub(super) struct Closes {
    /// The newest last.
    pub(super) newest: Vec<ClosedConnection>,
    /// That were found in all.
    pub(super) found: u64,
    /// Why some of that time may be missing.
    pub(super) missing: Vec<String>,
}

impl Source {
    /// # Errors
    /// When the daemon cannot be asked as `args` say.
    pub(super) fn new(args: &McpArgs) -> anyhow::Result<Self> {
        Ok(Self { daemon: Client::new(&args.from, &args.from_args)?, record: args.record.clone() })
    }

    pub(super) fn report(&self, filter: &Filter) -> anyhow::Result<ReportModel> {
        let mut model = self.daemon.report()?;
        model.keep(filter);
        Ok(model)
    }

    /// At most `most` of the newest.
    pub(super) fn closes(
        &self,
        since: &str,
        until: &str,
        filter: &Filter,
        most: usize,
    ) -> anyhow::Result<Closes> {
        let interval = query::interval(since, until)?;
        if self.record.is_dir() {
            return self.recorded(interval, filter, most);
        }
        let closes = self.kept(filter)?;
        let wanted = |close: &ClosedConnection| (interval.since..=interval.until).contains(&close.time);
        let mut closes: Vec<_> = closes.into_iter().filter(wanted).collect();
        closes.sort_by_key(|close| close.time);
        let found = closes.len() as u64;
        closes.drain(..closes.len().saturating_sub(most));
        let missing = format!(
            "there is no record at {}: only what the daemon keeps in memory was looked at",
            self.record.display()
        );
        Ok(Closes { newest: closes, found, missing: vec![missing] })
    }

    fn recorded(&self, interval: Interval, filter: &Filter, most: usize) -> anyhow::Result<Closes> {
        let scan = Scan { directory: &self.record, interval, filter, newest: None };
        let (mut newest, mut found) = (VecDeque::with_capacity(most), 0);
        let scanned = scan.run(|one| {
            found += 1;
            if newest.len() == most {
                newest.pop_front();
            }
            newest.push_back(one.close);
            ControlFlow::Continue(())
        })?;
        Ok(Closes {
            newest: newest.into(),
            found,
            missing: scanned.gaps.iter().map(Gap::to_string).collect(),
        })
    }

    /// The close with this id, as it was last told.
    pub(super) fn close(&self, id: CloseId) -> anyhow::Result<ClosedConnection> {
        let time = Timestamp::from_nanosecond(id.time_ns.into()).context("the id is of no time")?;
        if self.record.is_dir() {
            let near = SignedDuration::from_secs(1);
            let interval = Interval { since: time.checked_sub(near)?, until: time.checked_add(near)? };
            let scan = Scan { directory: &self.record, interval, filter: &Filter::default(), newest: None };
            let mut wanted = None;
            scan.run(|found| {
                if found.close.id == id {
                    wanted = Some(found.close);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            if let Some(close) = wanted {
                return Ok(close);
            }
        }
        match self.kept(&Filter::default())?.into_iter().find(|close| close.id == id) {
            Some(close) => Ok(close),
            None => bail!("no close `{id}` is recorded, or kept by the daemon; ask `query_closes` for ids"),
        }
    }

    /// What the daemon keeps in memory, newest first.
    fn kept(&self, filter: &Filter) -> anyhow::Result<Vec<ClosedConnection>> {
        #[derive(Deserialize)]
        struct Kept {
            closes: Vec<ClosedConnection>,
        }
        let body = self.daemon.get(CLOSES, filter)?;
        let kept: Kept =
            serde_json::from_slice(&body).context("what the daemon answers is not understood")?;
        Ok(kept.closes)
    }
}
