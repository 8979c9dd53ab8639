//! By what endpoints are ordered.

use crate::live::EndpointView;
use whohungup_core::labels::{Clock, Phase, Side};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    State,
    Endpoint,
    Workload,
    Pid,
    Open,
    Closes,
    Lost,
    Broken,
    Server,
    Client,
}

impl Column {
    pub(super) const ALL: [Self; 10] = [
        Self::State,
        Self::Endpoint,
        Self::Workload,
        Self::Pid,
        Self::Open,
        Self::Closes,
        Self::Lost,
        Self::Broken,
        Self::Server,
        Self::Client,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::State => "STATE",
            Self::Endpoint => "ENDPOINT",
            Self::Workload => "WORKLOAD",
            Self::Pid => "PID",
            Self::Open => "OPEN",
            Self::Closes => "CLOSED",
            Self::Lost => "LOST",
            Self::Broken => "BROKEN",
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
        }
    }

    /// Worst, most or longest first; names from A on. Equal ones stay as the agent orders them: worst first.
    pub(super) fn sort(self, endpoints: &mut [&EndpointView], turned: bool) {
        let down = |value: u64| std::cmp::Reverse(value);
        match self {
            Self::State => endpoints.sort_by_key(|one| one.state),
            Self::Endpoint => endpoints.sort_by(|one, other| one.title.cmp(&other.title)),
            Self::Workload => endpoints.sort_by(|one, other| {
                // Whoever has none comes last.
                let name = |one: &EndpointView| (one.workload_name.is_none(), one.workload_name.clone());
                name(one).cmp(&name(other))
            }),
            Self::Pid => endpoints.sort_by_key(|one| one.recent_pids.first().copied().unwrap_or(u32::MAX)),
            Self::Open => endpoints.sort_by_key(|one| down(one.established)),
            Self::Closes => endpoints.sort_by_key(|one| down(one.closes_hour)),
            Self::Lost => endpoints.sort_by_key(|one| down(one.lost_hour)),
            Self::Broken => endpoints.sort_by_key(|one| down(one.premature_hour)),
            Self::Server => endpoints.sort_by_key(|one| down(millis(one, Side::Server))),
            Self::Client => endpoints.sort_by_key(|one| down(millis(one, Side::Client))),
        }
        if turned {
            endpoints.reverse();
        }
    }
}

/// The idle timer of a side, seconds.
pub(super) fn timer(endpoint: &EndpointView, side: Side) -> Option<f64> {
    let idle = endpoint
        .timers
        .iter()
        .filter(|timer| timer.side == side && timer.phase == Phase::Idle && timer.clock == Clock::Idle);
    idle.max_by_key(|timer| timer.count).map(|timer| timer.seconds)
}

fn millis(endpoint: &EndpointView, side: Side) -> u64 {
    timer(endpoint, side).map_or(0, |seconds| (seconds * 1e3) as u64 + 1)
}
