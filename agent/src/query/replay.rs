//! The closes of a past time taken in once more: what they show together, as a daemon would have shown it then.

use std::ops::ControlFlow;

use jiff::Timestamp;

use super::read;
use crate::record::{Scan, Scanned, not_observed, recalled};
use whohungup_core::{
    advice::Meta,
    close::ClosedConnection,
    endpoint::{Endpoints, InferLimits},
};

/// Seconds; the kernel's tick at HZ=250. A record does not say what it was.
const TICK: f64 = 0.004;
/// Where the clock of the past begins, ns: nothing that is looked back at may be before it.
const HOUR_NS: u64 = 3_600_000_000_000;

/// What the closes of a past time show.
pub(crate) struct Replay {
    pub(crate) endpoints: Endpoints,
    pub(crate) meta: Meta,
    pub(crate) scanned: Scanned,
    /// When the time ends, by the clock of `endpoints`, ns.
    pub(crate) until_ns: u64,
}

/// Reads what `scan` finds into a table of at most `max_endpoints`, and hands each close to `keep` as it was taken in;
/// with `evidence` causes that take more than one close are put into words.
///
/// # Errors
/// When there is no record.
pub(crate) fn replay(
    scan: &Scan<'_>,
    max_endpoints: usize,
    evidence: bool,
    mut keep: impl FnMut(ClosedConnection),
) -> anyhow::Result<Replay> {
    let interval = scan.interval;
    let by_clock = |time: Timestamp| {
        HOUR_NS + u64::try_from(time.duration_since(interval.since).as_nanos()).unwrap_or_default()
    };
    let limits = InferLimits { endpoints: max_endpoints, ..InferLimits::default() };
    let mut endpoints = Endpoints::new(limits, TICK);
    let mut closes = 0;
    let scanned = read(scan, |found| {
        let at_ns = by_clock(found.close.time);
        let mut close = recalled(found.close, at_ns);
        endpoints.close(&mut close, evidence);
        closes += 1;
        keep(close);
        ControlFlow::Continue(())
    })?;
    let totals = endpoints.totals();
    let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let meta = Meta {
        from: shown(interval.since),
        until: shown(interval.until),
        observed_seconds: interval.until.duration_since(interval.since).as_secs_f64(),
        kernel: whohungup_bpf::kernel_release(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        closes,
        endpoints_over: totals.over,
        endpoints_beyond: totals.beyond,
        losses: endpoints.lost_requests().totals(),
        not_observed_seconds: not_observed(&scanned.gaps, interval),
        not_recorded: scanned.gaps.iter().filter_map(|gap| gap.closes).sum(),
        ..Meta::default()
    };
    Ok(Replay { endpoints, meta, scanned, until_ns: by_clock(interval.until) })
}
