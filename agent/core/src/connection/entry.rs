//! One connection end, from open to its settled close.

use std::cell::OnceCell;

use whohungup_ebpf::{
    conversation::Conversation,
    event::{Endpoints, Task, Transition},
    exchange::{Exchange, IN, OUT},
};

use super::{join::OtherEnd, pools::Pool, requests::Counted, tally::StateKey};
use crate::{
    close::{ClosedConnection, Facts, Plaintext, Resets, facts},
    identity::{Ends, Process},
    labels::{Protocol, Role},
    protocol,
    workload::CgroupNetns,
};

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
    /// As in [`Transition`], 0 while it is not known.
    pub(super) cgroup_id: u64,
    pub(super) role: Role,
    /// When the agent first heard of it, CLOCK_MONOTONIC ns.
    pub(super) begun_ns: u64,
    pub(super) opened_ns: Option<u64>,
    pub(super) preexisting: bool,
    /// The handshake was over when the agent last heard of it.
    pub(super) connected: bool,
    pub(super) process: Option<Process>,
    pub(super) soft_error: Option<u32>,
    pub(super) counted: Counted,
    /// What is spoken, once the probes have told it.
    pub(super) protocol: Option<Protocol>,
    /// Counted among its pools.
    pub(super) pooled: bool,
    pub(super) pending: Option<Box<Pending>>,
}

/// A close that is not settled yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    facts: Facts,
    /// What they say without words, once somebody asked.
    judged: OnceCell<Box<ClosedConnection>>,
    /// Task of the first local close.
    pub(super) closed_by: Option<Task>,
    /// Where segments that come too late would look for it.
    pub(super) orphan: Option<(u32, Ends)>,
    /// Settles at this time, CLOCK_MONOTONIC ns; `None` waits for more.
    pub(super) due_ns: Option<u64>,
    /// The other end, where its close was pending at the same time.
    pub(super) other_cookie: Option<u64>,
    /// What the other end said, where it is on this host and was settled before.
    pub(super) other_end: Option<OtherEnd>,
    /// It has waited for the other end once.
    pub(super) has_waited: bool,
    /// When the other end on this host had nothing left to send, CLOCK_MONOTONIC ns; `None` while it may send.
    pub(super) peer_said_all_ns: Option<u64>,
}

impl Pending {
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// To change them: what they said before is forgotten.
    pub(super) fn facts_mut(&mut self) -> &mut Facts {
        self.judged.take();
        &mut self.facts
    }

    /// What `judge` makes of the facts, asked for once as long as they stay the same.
    pub(super) fn judged(&self, judge: impl FnOnce(&Facts) -> ClosedConnection) -> &ClosedConnection {
        self.judged.get_or_init(|| Box::new(judge(&self.facts)))
    }

    /// What was said of the facts as they are, if anybody asked.
    pub(super) fn take_judgement(&mut self) -> Option<ClosedConnection> {
        self.judged.take().map(|close| *close)
    }
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

    /// Where its workload is found.
    pub(super) fn cgroup_netns(&self) -> CgroupNetns {
        CgroupNetns { cgroup_id: self.cgroup_id, netns: self.netns }
    }

    pub(super) fn state_key(&self) -> StateKey {
        (self.role, self.state())
    }

    /// A client's connections to one server belong together.
    pub(super) fn pool(&self) -> Option<Pool> {
        let pid = self.process.filter(|_| self.role == Role::Client)?.pid?;
        Some((self.netns, pid, Ends::new(&self.endpoints).remote))
    }

    /// Followed since its first request that the probes saw: each long gap came by itself.
    pub(super) fn is_followed(&self) -> bool {
        self.opened_ns.is_some() || self.preexisting
    }

    /// Notes one step towards the end; `tick` is the length of the kernel's clock tick in seconds.
    pub(super) fn step(&mut self, step: &Transition, tick: f64) {
        let Some(pending) = &mut self.pending else {
            self.endpoints = merge(&self.endpoints, &step.endpoints);
            self.netns = step.netns;
            if step.cgroup_id != 0 {
                self.cgroup_id = step.cgroup_id;
            }
            if self.role == Role::Unknown {
                self.role = facts::role_from_counters(step);
            }
            self.pending = Some(Box::new(Pending {
                facts: Facts {
                    role: self.role,
                    opened_ns: self.opened_ns,
                    preexisting: self.preexisting,
                    first: *step,
                    last: None,
                    crossing_fins: false,
                    own_fin_waited: false,
                    exchange: None,
                    exchange_after: None,
                    conversation: None,
                    conversation_after: None,
                    tls_plaintext: Plaintext::default(),
                    resets: Resets::default(),
                    soft_error: self.soft_error,
                    peer_reachable: false,
                    closing_habit: None,
                    rest_lost: false,
                    tick,
                },
                judged: OnceCell::new(),
                closed_by: closing_task(step),
                orphan: None,
                due_ns: None,
                other_cookie: None,
                other_end: None,
                has_waited: false,
                peer_said_all_ns: None,
            }));
            return;
        };
        pending.closed_by = pending.closed_by.or_else(|| closing_task(step));
        let known = pending.facts_mut();
        let crosses = step.old_state == facts::FIN_WAIT1 && step.new_state == facts::CLOSING;
        known.crossing_fins |= crosses;
        known.own_fin_waited |= crosses && step.snd_nxt != step.write_seq;
        known.last = Some(*step);
    }

    /// The error that the application was reported.
    pub(super) fn soft_error(&mut self, error: u32) {
        self.soft_error = Some(error);
        if let Some(pending) = &mut self.pending {
            pending.facts_mut().soft_error = Some(error);
        }
    }

    pub(super) fn exchange(&mut self, exchange: Box<Exchange>) {
        let Some(facts) = self.pending.as_deref_mut().map(Pending::facts_mut) else { return };
        if facts.last.is_some() {
            facts.exchange_after = Some(exchange);
        } else {
            // A second one without a step between: that step was lost, and this is not of the close.
            facts.exchange.get_or_insert(exchange);
        }
    }

    /// What was said by the newest step; on an open connection, what tells the protocol.
    pub(super) fn conversation(&mut self, conversation: &Conversation) {
        let Some(facts) = self.pending.as_deref_mut().map(Pending::facts_mut) else {
            self.opening(conversation);
            return;
        };
        if facts.last.is_some() {
            facts.conversation_after = Some(Box::new(*conversation));
        } else {
            facts.conversation.get_or_insert_with(|| Box::new(*conversation));
        }
    }

    fn opening(&mut self, conversation: &Conversation) {
        let client = if self.role == Role::Client { OUT } else { IN };
        if self.role != Role::Unknown {
            self.protocol = Some(protocol::recognise(conversation, client));
        }
    }

    /// What was read inside TLS by the newest step.
    pub(super) fn tls_plaintext(&mut self, exchange: Box<Exchange>) {
        let Some(facts) = self.pending.as_deref_mut().map(Pending::facts_mut) else { return };
        let Plaintext { at, after } = &mut facts.tls_plaintext;
        if facts.last.is_some() {
            *after = Some(exchange);
        } else {
            at.get_or_insert(exchange);
        }
    }

    /// The facts of the close; `None` while there is none.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.pending.as_deref().map(Pending::facts)
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
