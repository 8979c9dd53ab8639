//! Closes made by hand.

use whohungup_core::{
    close::{ClosedConnection, RequestDelta},
    labels::{Closer, Phase, Race, Verdict},
    testing,
};

pub(super) use whohungup_core::testing::SECOND;

/// A server's end of an idle connection of five seconds, as `name` at `port` saw it, with evidence.
pub(super) fn closed(port: u16, name: &str, verdict: Verdict) -> ClosedConnection {
    let idle = matches!(verdict, Verdict::ClientIdle | Verdict::ServerIdle | Verdict::IdleRace);
    ClosedConnection {
        closer: if verdict == Verdict::ClientIdle { Closer::Client } else { Closer::Server },
        phase: if idle { Phase::Idle } else { Phase::Response },
        verdict,
        in_flight: Some(u32::from(!idle)),
        idle: idle.then_some(5.0),
        request: (!idle).then_some(0.5),
        evidence: vec!["own FIN first".to_owned()],
        ..testing::server_idle(port, name)
    }
}

/// A request met the idle close.
pub(super) fn raced(port: u16, name: &str, race: Race) -> ClosedConnection {
    ClosedConnection { race: Some(race), ..closed(port, name, Verdict::IdleRace) }
}

/// One reuse after so many seconds.
pub(super) fn reused_after(seconds: f64) -> RequestDelta {
    testing::requests(2, 0, Some(seconds))
}
