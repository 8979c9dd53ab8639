//! A report of the past, from the record of a daemon.

use std::{ops::ControlFlow, path::Path};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::{
    cli::ReportArgs,
    query::{interval, say_what_is_missing},
    record::Scan,
};
use whohungup_core::{
    advice::{Meta, ReportModel},
    close::ClosedConnection,
    connection::RequestDelta,
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
    let scan = Scan { directory, interval, filter: &filter };
    let scanned = scan
        .run(|found| {
            let mut close = recalled(found.close, interval.since);
            endpoints.close(&mut close, false);
            ControlFlow::Continue(())
        })
        .with_context(|| {
            format!(
                "no record at {}: start the daemon with `whohungup run --record DIR`",
                directory.display()
            )
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
        // What was not recorded was not seen: no all-clear above it.
        events_lost: scanned.gaps.iter().filter_map(|gap| gap.closes).sum(),
        ..Meta::default()
    };
    Ok(whohungup_core::advice::build(&endpoints.endpoints(), Products::builtin(), meta))
}

/// `close` as it was when it was settled, on a clock that begins an hour before `since`.
fn recalled(close: ClosedConnection, since: Timestamp) -> ClosedConnection {
    let after = u64::try_from(close.time.duration_since(since).as_nanos()).unwrap_or_default();
    let uncounted = close.requests_started.zip(close.requests).map(|(begun, answered)| RequestDelta {
        basis: close.basis,
        begun,
        answered,
        unanswered: begun.saturating_sub(answered),
        reused: u32::from(close.reuse_gap.is_some()),
        short_gaps: 0,
        long_gap: close.reuse_gap,
        answered_gap: None,
    });
    // A close that was amended is read once, in its last form.
    ClosedConnection { at_ns: HOUR_NS + after, uncounted, amends: false, ..close }
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::testing::server_idle;

    #[test]
    fn a_close_recalls_when_it_was_and_what_was_asked() {
        let since = Timestamp::from_second(100).expect("a time");
        let close = ClosedConnection {
            time: Timestamp::from_second(160).expect("a time"),
            requests_started: Some(4),
            reuse_gap: Some(4.5),
            ..server_idle(80, "node")
        };
        let close = recalled(close, since);
        assert_eq!(close.at_ns, HOUR_NS + 60_000_000_000);
        let requests = close.uncounted.expect("requests");
        assert_eq!((requests.begun, requests.unanswered, requests.long_gap), (4, 1, Some(4.5)));
    }
}
