//! One connection end, from open to its settled close.

use whohungup_ebpf::{
    event::{Endpoints, Task, Transition},
    exchange::Exchange,
};

use super::{report::Ends, requests::Counted, siblings::Pool, tally::Standing};
use crate::{
    close::{Facts, Plaintext, Resets, facts},
    labels::Role,
};

/// A process, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// `None` when only the listener's owner is known: a worker may have accepted.
    pub pid: Option<u32>,
    pub comm: [u8; 16],
}

impl Process {
    pub fn from_task(task: &Task) -> Option<Self> {
        (task.tgid != 0).then_some(Self { pid: Some(task.tgid), comm: task.comm })
    }
}

/// What an open connection is doing, for the gauge of open connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpenState {
    Connecting,
    Established,
    /// A FIN or RST has been seen, the close is not settled yet.
    Closing,
}

impl OpenState {
    pub const ALL: [Self; 3] = [Self::Connecting, Self::Established, Self::Closing];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Established => "established",
            Self::Closing => "closing",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) endpoints: Endpoints,
    pub(super) netns: u32,
    pub(super) role: Role,
    /// When the agent first heard of it, CLOCK_MONOTONIC ns.
    pub(super) begun_ns: u64,
    pub(super) opened_ns: Option<u64>,
    pub(super) adopted: bool,
    /// The handshake was over when the agent last heard of it.
    pub(super) connected: bool,
    pub(super) process: Option<Process>,
    pub(super) soft_error: Option<u32>,
    pub(super) counted: Counted,
    /// Counted among its siblings.
    pub(super) pooled: bool,
    pub(super) pending: Option<Box<Pending>>,
}

/// A close that is not settled yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) first: Transition,
    pub(super) last: Option<Transition>,
    pub(super) crossing_fins: bool,
    pub(super) exchange: Option<Box<Exchange>>,
    pub(super) exchange_after: Option<Box<Exchange>>,
    pub(super) inside: Plaintext,
    pub(super) resets: Resets,
    pub(super) others_get_through: bool,
    pub(super) rest_lost: bool,
    /// Task of the first local close.
    pub(super) closed_by: Option<Task>,
    /// Where segments that come too late would look for it.
    pub(super) orphan: Option<(u32, Ends)>,
    /// Settles at this time, CLOCK_MONOTONIC ns; `None` waits for more.
    pub(super) due_ns: Option<u64>,
}

impl Connection {
    pub(super) fn state(&self) -> OpenState {
        if self.pending.is_some() {
            OpenState::Closing
        } else if !self.connected {
            OpenState::Connecting
        } else {
            OpenState::Established
        }
    }

    pub(super) fn standing(&self) -> Standing {
        (self.role, self.state())
    }

    /// A client's connections to one server belong together.
    pub(super) fn pool(&self) -> Option<Pool> {
        let pid = self.process.filter(|_| self.role == Role::Client)?.pid?;
        Some((self.netns, pid, Ends::new(&self.endpoints).remote))
    }

    /// Followed since its first request that the probes saw: each long gap came by itself.
    pub(super) fn is_followed(&self) -> bool {
        self.opened_ns.is_some() || self.adopted
    }

    /// Notes one step towards the end.
    pub(super) fn step(&mut self, step: &Transition) {
        let Some(pending) = &mut self.pending else {
            self.endpoints = merge(&self.endpoints, &step.endpoints);
            self.netns = step.netns;
            if self.role == Role::Unknown {
                self.role = facts::role_from_counters(step);
            }
            self.pending = Some(Box::new(Pending {
                first: *step,
                last: None,
                crossing_fins: false,
                exchange: None,
                exchange_after: None,
                inside: Plaintext::default(),
                resets: Resets::default(),
                others_get_through: false,
                rest_lost: false,
                closed_by: closing_task(step),
                orphan: None,
                due_ns: None,
            }));
            return;
        };
        pending.crossing_fins |= step.old_state == facts::FIN_WAIT1 && step.new_state == facts::CLOSING;
        pending.closed_by = pending.closed_by.or_else(|| closing_task(step));
        pending.last = Some(*step);
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange) {
        let Some(pending) = &mut self.pending else { return };
        if pending.last.is_some() {
            pending.exchange_after = Some(Box::new(*exchange));
        } else {
            // A second one without a step between: that step was lost, and this is not of the close.
            pending.exchange.get_or_insert_with(|| Box::new(*exchange));
        }
    }

    /// What was read inside TLS by the newest step.
    pub(super) fn inside(&mut self, exchange: &Exchange) {
        let Some(pending) = &mut self.pending else { return };
        let Plaintext { at, after } = &mut pending.inside;
        if pending.last.is_some() {
            *after = Some(Box::new(*exchange));
        } else {
            at.get_or_insert_with(|| Box::new(*exchange));
        }
    }

    /// The facts of the close; `None` while there is none.
    pub(super) fn facts(&self, tick: f64) -> Option<Facts> {
        let pending = self.pending.as_deref()?;
        Some(Facts {
            role: self.role,
            opened_ns: self.opened_ns,
            adopted: self.adopted,
            first: pending.first,
            last: pending.last,
            crossing_fins: pending.crossing_fins,
            exchange: pending.exchange.clone(),
            exchange_after: pending.exchange_after.clone(),
            inside: pending.inside.clone(),
            resets: pending.resets.clone(),
            soft_error: self.soft_error,
            others_get_through: pending.others_get_through,
            rest_lost: pending.rest_lost,
            tick,
        })
    }
}

fn closing_task(step: &Transition) -> Option<Task> {
    (step.task.tgid != 0).then_some(step.task)
}

/// The newer endpoints, except for a port that the kernel has already taken away.
fn merge(known: &Endpoints, newer: &Endpoints) -> Endpoints {
    let mut merged = *newer;
    if merged.sport_be == 0 {
        merged.sport_be = known.sport_be;
    }
    if merged.dport_be == 0 {
        merged.dport_be = known.dport_be;
        merged.daddr = known.daddr;
    }
    merged
}
