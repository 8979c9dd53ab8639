//! Reports made by hand.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    close::Close,
    connection::{Ends, Process, Progressed, Report, Requests},
    endpoint::{Endpoint, InferLimits, Inference},
    labels::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Side, Verdict},
};

pub(super) const TICK: f64 = 0.004;
pub(super) const SECOND: u64 = 1_000_000_000;

/// Each close comes a while after the one before.
fn next_ns() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(SECOND);
    NEXT.fetch_add(10_000_000, Ordering::Relaxed)
}

/// A connection to port 8080 that the server's end, a node, saw end: idle, after three requests.
pub(super) fn idle(side: Side, seconds: f64) -> Report {
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (closer, verdict) = match side {
        Side::Client => (Closer::Client, Verdict::ClientIdle),
        Side::Server => (Closer::Server, Verdict::ServerIdle),
    };
    Report {
        close: Close {
            at_ns: next_ns(),
            role: Role::Server,
            closer,
            how: How::Fin,
            phase: Phase::Idle,
            verdict,
            cause: Cause::Unknown,
            race: None,
            masked: false,
            confidence: Confidence::Exact,
            basis: Basis::Http,
            in_flight: Some(0),
            requests: Some(3),
            requests_begun: Some(3),
            reuse_gap: None,
            keep_alive: None,
            server: None,
            outcome: None,
            age: Some(seconds + 1.0),
            idle: Some(seconds),
            silent: Some(seconds),
            request: None,
            after_listener: None,
            bytes_sent: 1,
            bytes_received: 1,
            adopted: false,
            evidence: Vec::new(),
        },
        ends: Ends { local: address(8080), remote: address(40000) },
        netns: 1,
        cgroup_id: None,
        process: Some(Process { pid: Some(7), comm: name("node") }),
        closed_by: None,
        requests: Some(requests(3, 2, None)),
        amends: false,
        cookie: 1,
    }
}

/// An exchange was open.
pub(super) fn in_flight(side: Side, phase: Phase, request: f64, silent: f64) -> Report {
    let mut report = idle(side, 0.0);
    report.close.verdict = Verdict::PrematureHangup;
    report.close.phase = phase;
    (report.close.idle, report.close.request, report.close.silent) = (None, Some(request), Some(silent));
    report
}

/// The server closed right after a response that announced it, at this age.
pub(super) fn announced(requests: u32, age: f64) -> Report {
    let mut report = idle(Side::Server, 0.0);
    report.close.verdict = Verdict::Completed;
    report.close.cause = Cause::Announced;
    (report.close.requests, report.close.age) = (Some(requests), Some(age));
    report
}

/// The server's timer fired after `idle` seconds, and its end saw the request come too late.
pub(super) fn raced(race: Race, idle_seconds: f64) -> Report {
    let mut report = idle(Side::Server, idle_seconds);
    report.close.verdict = Verdict::IdleRace;
    report.close.race = Some(race);
    report
}

pub(super) fn requests(begun: u32, short_gaps: u32, long_gap: Option<f64>) -> Requests {
    Requests {
        basis: Basis::Http,
        begun,
        answered: begun,
        unanswered: 0,
        reused: short_gaps + u32::from(long_gap.is_some()),
        short_gaps,
        long_gap,
    }
}

/// A re-use after `gap` seconds on a connection that lives.
pub(super) fn reuse(gap: f64) -> Progressed {
    let Report { close, ends, process, .. } = idle(Side::Server, 0.0);
    Progressed { role: close.role, ends, process, requests: requests(1, 0, Some(gap)) }
}

/// The same report from another listening port.
pub(super) fn at_port(port: u16, mut report: Report) -> Report {
    report.ends.local.set_port(port);
    report
}

/// Never used again.
pub(super) fn once(mut report: Report) -> Report {
    report.requests = Some(requests(1, 0, None));
    report
}

pub(super) fn name(text: &str) -> [u8; 16] {
    let mut comm = [0; 16];
    comm[..text.len()].copy_from_slice(text.as_bytes());
    comm
}

pub(super) fn fed(reports: impl IntoIterator<Item = Report>) -> Inference {
    let mut inference = Inference::new(InferLimits::default(), TICK);
    causes(&mut inference, reports);
    inference
}

/// The causes that the reports leave with.
pub(super) fn causes(inference: &mut Inference, reports: impl IntoIterator<Item = Report>) -> Vec<Cause> {
    let close = |mut report: Report| {
        inference.close(&mut report, false);
        report.close.cause
    };
    reports.into_iter().map(close).collect()
}

/// The only endpoint.
pub(super) fn only(inference: &Inference) -> Endpoint {
    let mut all = inference.endpoints();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}
