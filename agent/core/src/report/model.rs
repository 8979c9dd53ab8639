//! The report as plain values: what `--json` prints and `/api/v1/report` answers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::identity::Comm;
use crate::{
    endpoint::{Endpoint, Exits, Risk, Timer},
    labels::{Role, Side, Verdict},
};

/// Raised when a name changes its meaning or goes away.
pub const SCHEMA: &str = "whohungup.report/2";

/// Every endpoint that was seen, worst first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportModel {
    pub schema: String,
    pub meta: Meta,
    pub endpoints: Vec<EndpointReport>,
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
    pub closes: u64,
    /// Share of the closes whose verdict is `unknown`, 0 to 1.
    pub unknown_share: f64,
}

/// One endpoint, whose timers they could be, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointReport {
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// Whose each of `timers` could be, in the same order.
    pub named: Vec<Named>,
    /// The other end's process, when it runs on this host and shows the same timer.
    pub peer: Option<Comm>,
    /// Empty when nothing is wrong. What is to be done first comes first.
    pub advice: Vec<Advice>,
}

/// Whose a timer could be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Likeliest first; empty when nothing that is known fits.
    pub candidates: Vec<Candidate>,
}

/// A product that has such a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub product: String,
    /// As people write it; empty for all.
    pub versions: String,
    pub setting: String,
    pub likelihood: Likelihood,
    pub reasons: Vec<String>,
    pub source: String,
}

/// How sure it is that the timer is this product's. Only what identifies a program makes it more than possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    Named,
    Likely,
    Possible,
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
    /// Leaves only endpoints with one of `ports` and one of `processes`; an empty list stands for all.
    pub fn keep(&mut self, ports: &[u16], processes: &[String]) {
        self.endpoints.retain(|report| {
            let key = &report.endpoint.key;
            (ports.is_empty() || key.server_port.is_some_and(|port| ports.contains(&port)))
                && (processes.is_empty() || processes.iter().any(|name| name == key.process.as_str()))
        });
    }
}

impl EndpointReport {
    /// Neither at risk nor in need of advice, and nothing of it has stopped.
    pub fn is_quiet(&self) -> bool {
        self.advice.is_empty()
            && self.endpoint.exits == Exits::default()
            && matches!(self.endpoint.risk, Risk::Safe | Risk::Unknown)
    }

    /// The strongest idle timer of a side.
    pub fn idle_timer(&self, side: Side) -> Option<&Timer> {
        idle_timer(&self.endpoint, side)
    }
}

/// Of each endpoint the first before it that is the other end of the same connections.
pub fn told_before(reports: &[&EndpointReport]) -> Vec<Option<usize>> {
    let mut first = HashMap::new();
    let told = reports.iter().enumerate().map(|(at, report)| {
        let key = &report.endpoint.key;
        let other_end = |role: &Role| {
            let peer = report.peer.as_deref()?;
            first.get(&(*role, key.server_port, peer)).copied()
        };
        let told = Role::ALL.iter().filter(|role| **role != key.role).filter_map(other_end).min();
        first.entry((key.role, key.server_port, key.process.as_str())).or_insert(at);
        told
    });
    told.collect()
}

/// The timer of `side` that ends most of its idle connections.
pub fn idle_timer(endpoint: &Endpoint, side: Side) -> Option<&Timer> {
    use crate::labels::{Clock, Phase};
    endpoint
        .timers
        .iter()
        .filter(|timer| timer.side == side && timer.phase == Phase::Idle && timer.clock == Clock::Idle)
        .max_by_key(|timer| timer.count)
}

/// Of all closes, the share without a verdict.
pub fn unknown_share(endpoints: &[Endpoint]) -> f64 {
    let all: u64 = endpoints.iter().map(|endpoint| endpoint.closes).sum();
    let unknown: u64 = endpoints
        .iter()
        .flat_map(|endpoint| &endpoint.verdicts)
        .filter(|(verdict, _)| *verdict == Verdict::Unknown)
        .map(|(_, count)| count)
        .sum();
    if all == 0 { 0.0 } else { unknown as f64 / all as f64 }
}
