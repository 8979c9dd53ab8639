//! Closes made by hand.

use std::net::{Ipv4Addr, SocketAddr};

use whohungup_core::{
    close::Close,
    connection::{Ends, Process, Report, Requests},
    labels::{Basis, Cause, Closer, Confidence, How, Phase, Race, Role, Verdict},
};

pub(super) const SECOND: u64 = 1_000_000_000;

/// A server's end of an idle connection of five seconds, as `name` at `port` saw it, with evidence.
pub(super) fn closed(port: u16, name: &str, verdict: Verdict) -> Report {
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name.as_bytes());
    let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let idle = matches!(verdict, Verdict::ClientIdle | Verdict::ServerIdle | Verdict::IdleRace);
    Report {
        close: Close {
            at_ns: 3600 * SECOND,
            role: Role::Server,
            closer: if verdict == Verdict::ClientIdle { Closer::Client } else { Closer::Server },
            how: How::Fin,
            phase: if idle { Phase::Idle } else { Phase::Response },
            verdict,
            cause: Cause::Unknown,
            race: None,
            masked: false,
            confidence: Confidence::Exact,
            basis: Basis::Http,
            in_flight: Some(u32::from(!idle)),
            requests: Some(3),
            requests_begun: Some(3),
            reuse_gap: None,
            keep_alive: None,
            server: None,
            outcome: None,
            age: Some(6.0),
            idle: idle.then_some(5.0),
            silent: Some(5.0),
            request: (!idle).then_some(0.5),
            bytes_sent: 1,
            bytes_received: 1,
            adopted: false,
            after_listener: None,
            evidence: vec!["own FIN first".to_owned()],
        },
        ends: Ends { local: address(port), remote: address(40000) },
        netns: 1,
        cgroup_id: None,
        process: Some(Process { pid: Some(7), comm }),
        closed_by: None,
        requests: None,
        amends: false,
        cookie: 1,
    }
}

/// A request met the idle close.
pub(super) fn raced(port: u16, name: &str, race: Race) -> Report {
    let mut report = closed(port, name, Verdict::IdleRace);
    report.close.race = Some(race);
    report
}

/// One re-use after so many seconds.
pub(super) fn reused_after(seconds: f64) -> Requests {
    Requests {
        basis: Basis::Http,
        begun: 2,
        answered: 2,
        unanswered: 0,
        reused: 1,
        short_gaps: 0,
        long_gap: Some(seconds),
    }
}
