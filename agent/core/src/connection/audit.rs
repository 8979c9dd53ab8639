//! Old connections to other hosts, as a walk over the sockets finds them: what they do to be remembered while they are silent.

use std::net::IpAddr;

use whohungup_ebpf::event::{Keepalive, Transition};

use super::tracker::Tracker;
use crate::{
    close::facts::{ESTABLISHED, Reading as _},
    identity::{Ends, Process},
    labels::Role,
    workload::Workload,
};

/// A connection that has been open for long.
#[derive(Clone, Debug)]
pub struct LongLived<'a> {
    pub role: Role,
    pub ends: Ends,
    pub process: Option<Process>,
    pub workload: Option<&'a Workload>,
    /// Seconds for which nothing has come or gone, acknowledgments included.
    pub silent: f64,
    pub keepalive: Probing,
    /// TCP_USER_TIMEOUT is set.
    pub has_user_timeout: bool,
}

/// Whether its kernel asks a silent peer if it is still there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Probing {
    /// SO_KEEPALIVE is off.
    Never,
    /// After so many seconds of silence.
    After(f64),
    /// This kernel does not say when.
    Unknown,
}

impl Tracker {
    /// Those of `sockets` that have been open for at least `older_than` seconds; `keepalives` has one entry for each.
    pub fn long_lived<'a>(
        &'a self,
        sockets: &'a [Transition],
        keepalives: &'a [Keepalive],
        older_than: f64,
    ) -> impl Iterator<Item = LongLived<'a>> {
        let walked = sockets.iter().zip(keepalives);
        walked.filter_map(move |(socket, keepalive)| self.long_lived_one(socket, keepalive, older_than))
    }

    fn long_lived_one(
        &self,
        socket: &Transition,
        keepalive: &Keepalive,
        older_than: f64,
    ) -> Option<LongLived<'_>> {
        let connection = self.connections.get(&socket.header.cookie)?;
        let ends = Ends::new(&socket.endpoints);
        if socket.old_state != ESTABLISHED || is_within_host(&ends) {
            return None;
        }
        let seconds = |jiffies: u32| f64::from(socket.ticks_since(jiffies)) * self.tick;
        let since_ns = connection.opened_ns.unwrap_or(connection.begun_ns);
        let seen = socket.header.ktime_ns.saturating_sub(since_ns) as f64 / 1e9;
        let (sent, received) = (seconds(socket.lsndtime), seconds(socket.lrcvtime));
        // Both are set when it is made: of one that is older than the agent the one that is longer ago tells most.
        let age = if connection.preexisting { seen.max(sent).max(received) } else { seen };
        (age >= older_than).then(|| LongLived {
            role: connection.role,
            ends,
            process: connection.process,
            workload: self.workloads.of(connection.cgroup_netns()),
            silent: sent.min(received).min(seconds(socket.rcv_tstamp)),
            keepalive: match (socket.is_keepalive(), keepalive.time) {
                (false, _) => Probing::Never,
                (true, 0) => Probing::Unknown,
                (true, ticks) => Probing::After(f64::from(ticks) * self.tick),
            },
            has_user_timeout: socket.user_timeout > 0,
        })
    }
}

/// Nothing lies between its ends that could forget it.
fn is_within_host(ends: &Ends) -> bool {
    let (local, remote): (IpAddr, IpAddr) = (ends.local.ip(), ends.remote.ip());
    local == remote || local.is_loopback() || remote.is_loopback()
}
