//! Which endpoint a close or a request belongs to. Everything that is kept by endpoint uses this key.

use serde::{Deserialize, Serialize};

use crate::{
    close::ClosedConnection,
    identity::{Comm, Ends, Process},
    labels::Role,
    workload::{Workload, WorkloadId},
};

/// What a process without a name is called: one that has this name must not be another endpoint of the same words.
const NAMELESS: &str = "unknown";

/// One end of connections: on the server side the port that is listened at and the process, on the client side the
/// process and the port that it connects to; of each workload by itself. Cheap to copy and to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EndpointKey {
    pub role: Role,
    /// `None` where the role is unknown.
    pub server_port: Option<u16>,
    /// Empty when it is not known.
    pub process: Comm,
    /// `None` of the host's own processes in no unit.
    #[serde(default, rename = "workload_id", skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadId>,
}

impl EndpointKey {
    /// The endpoint of a socket. A client's own port and a stranger's are of no use to anybody and without bound.
    pub fn of(role: Role, ends: &Ends, process: Option<Process>, workload: Option<&Workload>) -> Self {
        Self::at(role, ends.server_port(role), process, workload)
    }

    /// The same by the server's port, which is `None` where the role is unknown.
    pub fn at(
        role: Role,
        server_port: Option<u16>,
        process: Option<Process>,
        workload: Option<&Workload>,
    ) -> Self {
        let named = process.map(|process| process.comm).filter(|comm| comm.as_str() != NAMELESS);
        Self { role, server_port, process: named.unwrap_or_default(), workload: workload.map(Workload::id) }
    }

    /// The endpoint's name in links and filters: `server/8080/node`, and its workload's id where it has one.
    pub fn id(&self) -> String {
        let Self { role, server_port, process, workload } = self;
        let port = server_port.map_or_else(String::new, |port| port.to_string());
        let workload = workload.map_or_else(String::new, |workload| format!("/{workload}"));
        format!("{role}/{port}/{process}{workload}")
    }

    pub fn of_close(closed: &ClosedConnection) -> Self {
        Self::of(closed.role, &closed.ends, closed.process, closed.workload.as_ref())
    }

    /// The endpoint at the other end of its connection, where that is on this host.
    pub fn of_peer(closed: &ClosedConnection) -> Option<Self> {
        let peer = closed.peer.as_ref().filter(|_| closed.role != Role::Unknown)?;
        let role = closed.role.other();
        let ends = peer.address.map_or(closed.ends, |remote| Ends { remote, ..closed.ends });
        Some(Self::of(role, &ends.turned(), peer.process, peer.workload.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &[u8]) -> EndpointKey {
        let mut comm = [0; 16];
        comm[..name.len()].copy_from_slice(name);
        let ends = Ends { local: ([127, 0, 0, 1], 80).into(), remote: ([127, 0, 0, 1], 40000).into() };
        EndpointKey::of(Role::Server, &ends, Some(Process { pid: None, comm: Comm::new(comm) }), None)
    }

    #[test]
    fn endpoints_that_are_shown_alike_are_one() {
        assert_eq!(named(b"a\xff"), named(b"a\xfe"));
        assert_eq!(named(b"a\xff").process.as_str(), "a?");
        assert_eq!(named("caf\u{e9}".as_bytes()).process.as_str(), "caf\u{e9}");
        assert_eq!(named(b"unknown"), named(b""));
        assert_eq!(named(b"a\0b"), named(b"a"));
        assert_ne!(named(b"a"), named(b"b"));
    }
}
