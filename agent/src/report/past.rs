//! A report of the past, from the record of a daemon.

use std::path::Path;

use crate::{
    cli::ReportArgs,
    query::{Replay, interval, replay, say_what_is_missing},
    record::Scan,
};
use whohungup_core::{advice::ReportModel, products::Products};

/// What the closes in the record at `directory` show together.
///
/// # Errors
/// When a time is not understood, or there is no record.
pub(super) fn past(args: &ReportArgs, directory: &Path) -> anyhow::Result<ReportModel> {
    let interval = interval(&args.since, &args.until)?;
    let filter = args.filter.filter();
    let scan = Scan { directory, interval, filter: &filter, newest: None };
    let Replay { endpoints, meta, scanned, .. } = replay(&scan, args.observe.max_endpoints, false, drop)?;
    say_what_is_missing(&scanned);
    Ok(whohungup_core::advice::build(&endpoints.endpoints(), Products::builtin(), meta))
}
