//! The report as plain values: what `--json` prints and `/api/v1/report` answers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{Endpoint, EndpointKey, Exits, Losses, Risk, Timer},
    filter::Filter,
    identity::Comm,
    labels::{Clock, Phase, Role, Side, Verdict},
    products::Candidate,
    shutdown::Shutdown,
    workload::Workload,
};

/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.report/2";

/// Every observed endpoint, worst first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportModel {
    pub schema: String,
    pub meta: Meta,
    pub endpoints: Vec<EndpointReport>,
    /// Processes that stopped listening, newest first.
    #[serde(default)]
    pub shutdowns: Vec<Shutdown>,
}

/// What was observed, and how well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// RFC 3339, UTC.
    pub from: String,
    pub until: String,
    pub observed_seconds: f64,
    /// The kernel's release.
    pub kernel: String,
    /// The agent's version.
    pub version: String,
    /// Records that did not fit the ring buffer, and runs that the kernel left out: closes may be missing.
    pub events_lost: u64,
    /// Connections that were not followed because the table was full.
    pub connections_untracked: u64,
    /// Closes that were counted without an endpoint of their own, because there were too many.
    pub endpoints_over: u64,
    /// Seconds of the time observed in which no agent ran, as its record on disk says.
    #[serde(default)]
    pub not_observed_seconds: f64,
    /// In a report of the past: closes that were seen and not recorded.
    #[serde(default)]
    pub not_recorded: u64,
    pub closes: u64,
    /// Endpoints of those, at least.
    #[serde(default)]
    pub endpoints_beyond: u64,
    /// Requests lost, whatever the verdict.
    #[serde(default)]
    pub losses: Losses,
    /// Share of the closes whose verdict is `unknown`, 0 to 1.
    pub unknown_share: f64,
}

/// One endpoint, the products that its timers can be, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointReport {
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// What each of `timers` can be, in the same order.
    pub named: Vec<Named>,
    /// The other end's process, when it runs on this host and shows the same timer.
    pub peer: Option<Comm>,
    /// Whose that is.
    #[serde(default)]
    pub peer_workload: Option<Workload>,
    /// The most urgent first; empty when nothing is wrong.
    pub advice: Vec<Advice>,
}

/// The products that a timer can be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Likeliest first; empty when no known product fits.
    pub candidates: Vec<Candidate>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// Which side to change.
    pub side: Side,
    /// The program there, when it is known.
    pub program: Option<String>,
    /// The setting's name, when the program is known.
    pub setting: Option<String>,
    /// What to set, in the setting's own format; in seconds where the setting is not known.
    pub value: Option<String>,
    /// What was seen.
    pub why: String,
    /// What to do, in a sentence or two. Code is between back-ticks.
    pub text: String,
    pub urgency: Urgency,
    /// Instead of the advice before it, not as well.
    pub alternative: bool,
}

/// How soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Requests are being lost.
    Now,
    /// Requests will be lost.
    Soon,
    /// Worth a look.
    Consider,
}

impl ReportModel {
    /// With the processes that stopped listening, newest first.
    #[must_use]
    pub fn with_shutdowns(self, shutdowns: Vec<Shutdown>) -> Self {
        Self { shutdowns, ..self }
    }

    /// Leaves only endpoints that `filter` has.
    pub fn keep(&mut self, filter: &Filter) {
        if filter.is_empty() {
            return;
        }
        self.endpoints.retain(|report| filter.has_endpoint(&report.endpoint));
        self.shutdowns.retain(|shutdown| filter.has_shutdown(shutdown));
        self.meta.losses = losses_of(&self.endpoints.iter().map(|report| &report.endpoint));
    }
}

impl EndpointReport {
    /// Neither at risk nor in need of advice, and nothing of it has stopped.
    pub fn is_quiet(&self) -> bool {
        self.advice.is_empty()
            && self.endpoint.exits == Exits::default()
            && self.endpoint.losses.requests == 0
            && matches!(self.endpoint.risk, Risk::Safe | Risk::Unknown)
    }

    /// The endpoint of the other end, were it of `role`; `None` where it is not known.
    pub(crate) fn peer_key(&self, role: Role) -> Option<EndpointKey> {
        let workload = self.peer_workload.as_ref().map(Workload::id);
        Some(EndpointKey { role, server_port: self.endpoint.key.server_port, process: self.peer?, workload })
    }

    /// The strongest idle timer of a side.
    pub fn idle_timer(&self, side: Side) -> Option<&Timer> {
        idle_timer(&self.endpoint, side)
    }
}

/// For each endpoint the index of an earlier one that is the other end of the same connections.
pub fn earlier_peers(reports: &[&EndpointReport]) -> Vec<Option<usize>> {
    let mut first_of_key = HashMap::new();
    let mut peers = Vec::with_capacity(reports.len());
    for (index, report) in reports.iter().enumerate() {
        let key = &report.endpoint.key;
        let earlier = Role::ALL
            .iter()
            .filter(|role| **role != key.role)
            .filter_map(|role| first_of_key.get(&report.peer_key(*role)?).copied());
        peers.push(earlier.min());
        first_of_key.entry(*key).or_insert(index);
    }
    peers
}

/// Requests lost at these endpoints together. What was seen from both ends of a connection counts once; where only one end
/// is among them, it counts there.
pub fn losses_of<'a>(endpoints: &(impl Iterator<Item = &'a Endpoint> + Clone)) -> Losses {
    let sum = |role: Option<Role>| {
        let mut sum = Losses::default();
        let chosen = endpoints.clone().filter(|endpoint| role.is_none_or(|role| endpoint.key.role == role));
        chosen.for_each(|endpoint| sum.merge(&endpoint.losses));
        sum
    };
    let once = sum(None).counted_once();
    let one_side = [Role::Client, Role::Server].map(|role| sum(Some(role)));
    let given_up = one_side.iter().map(|losses| losses.given_up).fold(once.given_up, u64::max);
    let most = one_side.into_iter().max_by_key(|losses| losses.requests).unwrap_or_default();
    Losses { given_up, ..if most.requests > once.requests { most } else { once } }
}

/// The timer of `side` that ends most of its idle connections.
pub(super) fn idle_timer(endpoint: &Endpoint, side: Side) -> Option<&Timer> {
    endpoint
        .timers
        .iter()
        .filter(|timer| timer.side == side && timer.phase == Phase::Idle && timer.clock == Clock::Idle)
        .max_by_key(|timer| timer.count)
}

/// Of all closes, the share without a verdict.
pub(super) fn unknown_share(endpoints: &[Endpoint]) -> f64 {
    let all: u64 = endpoints.iter().map(|endpoint| endpoint.closes).sum();
    let unknown: u64 = endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.verdicts)
        .filter(|(verdict, _)| *verdict == Verdict::Unknown)
        .map(|(_, count)| count)
        .sum();
    if all == 0 { 0.0 } else { unknown as f64 / all as f64 }
}
