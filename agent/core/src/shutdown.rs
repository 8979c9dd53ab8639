//! Servers that stop: who told them to, and what became of their connections. What a rollout cost, instance by instance.

mod missing;
mod table;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use missing::{Missing, remedy};
pub use table::{SHUTDOWNS, Shutdowns};

use crate::{
    connection::ListenerEnded,
    endpoint::EndpointKey,
    identity::{ExitStatus, Process, Signal},
    labels::{Phase, Role},
    workload::Workload,
};

/// A process that stopped listening at a port, with all that is known of its end. Closes up to 65 s later count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shutdown {
    /// When its last listener at the port ended.
    pub time: Timestamp,
    pub server_port: u16,
    pub process: Option<Process>,
    pub workload: Option<Workload>,
    /// What told it to stop, oldest first, and what came after.
    pub signals: Vec<SignalSent>,
    /// How the process ended, where that is what ended the listener.
    pub exit: Option<ExitStatus>,
    /// Another process listens at the port: new connections have somewhere to go.
    pub replaced: bool,
    /// Seconds from the last connection that the listener made to its end; `None` where it made none that was seen.
    #[serde(rename = "last_accept_seconds_before")]
    pub last_accept: Option<f64>,
    /// Seconds from the listener's end to the newest request of the connections below; negative when it came before.
    #[serde(rename = "last_request_seconds_after")]
    pub last_request: Option<f64>,
    /// Connections that ended after it, without a loss, and of them those that were idle when the process ended or when
    /// they were closed more than 1 s later.
    pub ended: u64,
    pub idle_left: u64,
    /// Requests lost because their connection was closed in flight, by phase.
    pub cut: Vec<(Phase, u64)>,
    /// Requests lost because they met the close of an idle connection.
    pub races: u64,
    /// Connects refused after the listener's end, at least.
    pub refused: u64,
    /// What would have kept them, most telling first; empty when nothing was lost.
    pub missing: Vec<Missing>,

    #[serde(skip)]
    pub(crate) at_ns: u64,
    #[serde(skip)]
    netns: u32,
    #[serde(skip)]
    cgroup_id: u64,
}

/// A signal that a process got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalSent {
    pub signal: Signal,
    /// Seconds from it to the listener's end; negative when it came after.
    #[serde(rename = "seconds_before")]
    pub before: f64,
    /// It had no effect: the process ignores it, or is the first of a container and does not handle it.
    #[serde(default)]
    pub ignored: bool,
}

impl Shutdown {
    pub fn new(ended: &ListenerEnded, time: Timestamp) -> Self {
        let before = |at_ns: u64| (ended.at_ns as i64 - at_ns as i64) as f64 / 1e9;
        Self {
            time,
            server_port: ended.address.port(),
            process: ended.process,
            workload: ended.workload.clone(),
            signals: Vec::new(),
            exit: ended.exit,
            replaced: ended.replaced,
            last_accept: ended.last_accept_ns.map(before),
            last_request: None,
            ended: 0,
            idle_left: 0,
            cut: Vec::new(),
            races: 0,
            refused: 0,
            missing: Vec::new(),
            at_ns: ended.at_ns,
            netns: ended.netns,
            cgroup_id: ended.cgroup_id,
        }
    }

    /// The endpoint that it was.
    pub fn key(&self) -> EndpointKey {
        EndpointKey::at(Role::Server, Some(self.server_port), self.process, self.workload.as_ref())
    }

    /// Requests, and connects, that were lost.
    pub fn lost(&self) -> u64 {
        self.cut.iter().map(|(_, count)| count).sum::<u64>() + self.races + self.refused
    }

    /// Somebody asked it to stop: SIGTERM, SIGINT, SIGQUIT.
    pub fn was_signalled(&self) -> bool {
        self.signals.iter().any(|sent| sent.signal.asks_to_end())
    }

    /// It was asked to, and that had no effect.
    fn has_ignored_signals(&self) -> bool {
        self.was_signalled() && self.signals.iter().all(|sent| sent.ignored || sent.signal == Signal::KILL)
    }

    fn was_killed(&self) -> bool {
        self.exit == Some(ExitStatus::Signal(Signal::KILL.0))
            || self.signals.iter().any(|sent| sent.signal == Signal::KILL)
    }
}
