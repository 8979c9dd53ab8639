//! A report of the past, from the record of a daemon.

use std::{ops::ControlFlow, path::Path};

use jiff::Timestamp;

use crate::{
    cli::ReportArgs,
    query::{interval, read, say_what_is_missing},
    record::{Scan, not_observed, recalled},
};
use whohungup_core::{
    advice::{Meta, ReportModel},
    endpoint::{Endpoints, InferLimits},
    products::Products,
};

/// Seconds; the kernel's tick at HZ=250. A record does not say what it was.
const TICK: f64 = 0.004;
/// Where the clock of the report begins, ns: nothing that is looked back at may be before it.
const HOUR_NS: u64 = 3_600_000_000_000;

/// What the closes in the record at `directory` show together.
///
/// # Errors
/// When a time is not understood, or there is no record.
pub(super) fn past(args: &ReportArgs, directory: &Path) -> anyhow::Result<ReportModel> {
    let interval = interval(&args.since, &args.until)?;
    let filter = args.filter.filter();
    let limits = InferLimits { endpoints: args.observe.max_endpoints, ..InferLimits::default() };
    let mut endpoints = Endpoints::new(limits, TICK);
    let scan = Scan { directory, interval, filter: &filter, newest: None };
    let scanned = read(&scan, |found| {
        let after = found.close.time.duration_since(interval.since).as_nanos();
        let at_ns = HOUR_NS + u64::try_from(after).unwrap_or_default();
        endpoints.close(&mut recalled(found.close, at_ns), false);
        ControlFlow::Continue(())
    })?;
    say_what_is_missing(&scanned);
    let totals = endpoints.totals();
    let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let meta = Meta {
        from: shown(interval.since),
        until: shown(interval.until),
        observed_seconds: interval.until.duration_since(interval.since).as_secs_f64(),
        kernel: whohungup_bpf::kernel_release(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        endpoints_over: totals.over,
        endpoints_beyond: totals.beyond,
        losses: endpoints.lost_requests().totals(),
        not_observed_seconds: not_observed(&scanned.gaps, interval),
        not_recorded: scanned.gaps.iter().filter_map(|gap| gap.closes).sum(),
        ..Meta::default()
    };
    Ok(whohungup_core::advice::build(&endpoints.endpoints(), Products::builtin(), meta))
}
