//! Reports made by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    close::ClosedConnection,
    connection::Progressed,
    endpoint::{Endpoint, Endpoints, InferLimits},
    identity::Comm,
    labels::{Cause, Closer, Phase, Race, Side, Verdict},
    testing,
};

pub(super) use crate::testing::{SECOND, requests};

pub(super) const TICK: f64 = 0.004;

/// Each close comes a while after the one before.
fn next_ns() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(SECOND);
    NEXT.fetch_add(10_000_000, Ordering::Relaxed)
}

/// A connection to port 8080 that the server's end, a node, saw end: idle, after three requests.
pub(super) fn idle(side: Side, seconds: f64) -> ClosedConnection {
    let (closer, verdict) = match side {
        Side::Client => (Closer::Client, Verdict::ClientIdle),
        Side::Server => (Closer::Server, Verdict::ServerIdle),
    };
    ClosedConnection {
        at_ns: next_ns(),
        closer,
        verdict,
        age: Some(seconds + 1.0),
        idle: Some(seconds),
        silent: Some(seconds),
        uncounted: Some(requests(3, 2, None)),
        ..testing::server_idle(8080, "node")
    }
}

/// An exchange was open.
pub(super) fn in_flight(side: Side, phase: Phase, request: f64, silent: f64) -> ClosedConnection {
    let mut closed = idle(side, 0.0);
    closed.verdict = Verdict::PrematureHangup;
    closed.phase = phase;
    (closed.idle, closed.request, closed.silent) = (None, Some(request), Some(silent));
    closed
}

/// The server closed right after a response that announced it, at this age.
pub(super) fn announced(requests: u32, age: f64) -> ClosedConnection {
    let mut closed = idle(Side::Server, 0.0);
    closed.verdict = Verdict::Completed;
    closed.cause = Cause::Announced;
    // Far apart: closes of one moment prove no limit.
    closed.at_ns *= 100;
    (closed.requests, closed.age) = (Some(requests), Some(age));
    closed
}

/// The server's timer fired after `idle` seconds, and its end saw the request come too late.
pub(super) fn raced(race: Race, idle_seconds: f64) -> ClosedConnection {
    let mut closed = idle(Side::Server, idle_seconds);
    closed.verdict = Verdict::IdleRace;
    closed.race = Some(race);
    closed
}

/// A reuse after `gap` seconds on a connection that lives.
pub(super) fn reuse(gap: f64) -> Progressed {
    let ClosedConnection { role, ends, process, .. } = idle(Side::Server, 0.0);
    Progressed { role, ends, process, workload: None, requests: requests(1, 0, Some(gap)) }
}

/// The same close from another listening port.
pub(super) fn at_port(port: u16, mut closed: ClosedConnection) -> ClosedConnection {
    closed.ends.local.set_port(port);
    closed
}

/// Never used again.
pub(super) fn once(mut closed: ClosedConnection) -> ClosedConnection {
    closed.uncounted = Some(requests(1, 0, None));
    closed
}

pub(super) fn name(text: &str) -> Comm {
    Comm::from_text(text)
}

pub(super) fn fed(reports: impl IntoIterator<Item = ClosedConnection>) -> Endpoints {
    let mut endpoints = Endpoints::new(InferLimits::default(), TICK);
    causes(&mut endpoints, reports);
    endpoints
}

/// The causes that the reports leave with.
pub(super) fn causes(
    endpoints: &mut Endpoints,
    reports: impl IntoIterator<Item = ClosedConnection>,
) -> Vec<Cause> {
    let close = |mut closed: ClosedConnection| {
        endpoints.close(&mut closed, false);
        closed.cause
    };
    reports.into_iter().map(close).collect()
}

/// The only endpoint.
pub(super) fn only(endpoints: &Endpoints) -> Endpoint {
    let mut all = endpoints.endpoints();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}
