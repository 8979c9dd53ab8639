//! A settled close with everything that identifies the connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use whohungup_ebpf::event::{Endpoints, Task};

use super::{connection::Process, requests::Requests};
use crate::{close::Close, labels::Role};

/// Both ends, as this end sees them. IPv4 connections on an IPv6 socket are shown as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    pub local: SocketAddr,
    pub remote: SocketAddr,
}

impl Ends {
    /// The port of the server's end; `None` where nobody knows which that is.
    pub fn server_port(&self, role: Role) -> Option<u16> {
        match role {
            Role::Server => Some(self.local.port()),
            Role::Client => Some(self.remote.port()),
            Role::Unknown => None,
        }
    }
}

/// The process that closed it first on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedBy {
    pub pid: u32,
    pub comm: [u8; 16],
    pub exiting: bool,
    pub signal: Option<u32>,
    /// When it exits by itself.
    pub status: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub close: Close,
    pub ends: Ends,
    pub netns: u32,
    pub cgroup_id: Option<u64>,
    pub process: Option<Process>,
    pub closed_by: Option<ClosedBy>,
    /// Requests that were not counted while the connection was open; `None` when none were followed.
    pub requests: Option<Requests>,
    /// What came late changes the verdict of a close that was reported before.
    pub amends: bool,
    pub cookie: u64,
}

impl Ends {
    pub fn new(endpoints: &Endpoints) -> Self {
        let port = u16::from_be;
        Self {
            local: SocketAddr::new(address(endpoints.family, &endpoints.saddr), port(endpoints.sport_be)),
            remote: SocketAddr::new(address(endpoints.family, &endpoints.daddr), port(endpoints.dport_be)),
        }
    }

    /// The same connection seen from its other end.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }
}

impl ClosedBy {
    pub(super) fn new(task: &Task) -> Self {
        use crate::close::facts::{is_exiting, signal, status};
        Self {
            pid: task.tgid,
            comm: task.comm,
            exiting: is_exiting(task),
            signal: signal(task),
            status: status(task),
        }
    }
}

fn address(family: u16, bytes: &[u8; 16]) -> IpAddr {
    const AF_INET6: u16 = 10;
    if family == AF_INET6 {
        return Ipv6Addr::from(*bytes).to_canonical();
    }
    IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_ipv4_is_shown_as_ipv4() {
        let mut saddr = [0; 16];
        saddr[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        let endpoints = Endpoints {
            family: 10,
            sport_be: 80_u16.to_be(),
            dport_be: 0,
            reserved: 0,
            saddr,
            daddr: [0; 16],
        };
        assert_eq!(Ends::new(&endpoints).local.to_string(), "127.0.0.1:80");
    }
}
