//! Who listens where: the role of old sockets, and the program behind a server's socket.

use std::net::SocketAddr;

use hashbrown::HashMap;

use crate::{
    identity::{ExitStatus, Process, Signal},
    workload::Workload,
};

/// Listening sockets by namespace and port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: HashMap<(u32, u16), Vec<Listener>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    pub(super) cookie: u64,
    pub(super) address: SocketAddr,
    pub(super) owner: Option<Process>,
    pub(super) cgroup_id: u64,
    /// CLOCK_MONOTONIC ns of the newest connection that it made.
    pub(super) last_accept_ns: Option<u64>,
    /// It is older than the agent: what it made before is not known.
    pub(super) preexisting: bool,
}

/// A process stopped listening at a port: none of its listeners there is left.
#[derive(Clone, Debug)]
pub struct ListenerEnded {
    /// CLOCK_MONOTONIC ns.
    pub at_ns: u64,
    pub netns: u32,
    pub address: SocketAddr,
    /// Who had begun to listen.
    pub process: Option<Process>,
    pub cgroup_id: u64,
    pub workload: Option<Workload>,
    /// How the process ended, where that is why.
    pub exit: Option<ExitStatus>,
    /// Another process listens there.
    pub replaced: bool,
    pub last_accept_ns: Option<u64>,
}

/// A signal that ends processes was sent to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentSignal {
    /// CLOCK_MONOTONIC ns.
    pub at_ns: u64,
    pub signal: Signal,
    pub pid: u32,
    pub cgroup_id: u64,
    /// It had no effect.
    pub ignored: bool,
}

/// What says that a server stops.
#[derive(Clone, Debug)]
pub enum Stopping {
    Signal(SentSignal),
    Listener(ListenerEnded),
}

/// More listeners on one port than this (SO_REUSEPORT workers) are all the same program.
const MAX_PER_PORT: usize = 64;

impl Listeners {
    pub(super) fn began(&mut self, netns: u32, listener: Listener) {
        let Listener { cookie, address, .. } = listener;
        let here = self.by_port.entry((netns, address.port())).or_default();
        // A walk over the sockets may know less than the record of the same listener, which came before it.
        if let Some(known) = here.iter_mut().find(|known| known.cookie == cookie) {
            known.owner = listener.owner.or(known.owner);
        } else if here.len() < MAX_PER_PORT {
            here.push(listener);
        }
    }

    /// Returns the listener if it was the last of its process there, and whether another process listens there.
    pub(super) fn ended(&mut self, netns: u32, cookie: u64, port: u16) -> Option<(Listener, bool)> {
        let here = self.by_port.get_mut(&(netns, port))?;
        let listener = here.remove(here.iter().position(|known| known.cookie == cookie)?);
        let pid = |listener: &Listener| listener.owner.and_then(|owner| owner.pid);
        let has_others_of_it = here.iter().any(|other| pid(other).is_some() && pid(other) == pid(&listener));
        let is_replaced = !here.is_empty();
        if here.is_empty() {
            self.by_port.remove(&(netns, port));
        }
        (!has_others_of_it).then_some((listener, is_replaced))
    }

    /// A connection was made at `local`. Returns what listens there.
    pub(super) fn accepted(&mut self, netns: u32, local: SocketAddr, at_ns: u64) -> Option<&Listener> {
        let here = self.by_port.get_mut(&(netns, local.port()))?;
        let at = place(here, local)?;
        here[at].last_accept_ns = Some(at_ns);
        Some(&here[at])
    }

    /// What listens at `local`.
    pub(super) fn at(&self, netns: u32, local: SocketAddr) -> Option<&Listener> {
        let here = self.by_port.get(&(netns, local.port()))?;
        Some(&here[place(here, local)?])
    }

    pub(super) fn len(&self) -> usize {
        self.by_port.values().map(Vec::len).sum()
    }
}

/// Which of the listeners at a port takes connections to `local`.
fn place(here: &[Listener], local: SocketAddr) -> Option<usize> {
    let exact = here.iter().position(|known| known.address.ip() == local.ip());
    exact.or_else(|| here.iter().position(|known| known.address.ip().is_unspecified()))
}
