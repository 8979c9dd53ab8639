//! What the open connections are.

use super::{entry::OpenState, tracker::Tracker};
use crate::{
    identity::{Ends, Process},
    labels::Role,
    workload::Workload,
};

/// One that has not been settled yet.
#[derive(Clone, Debug)]
pub struct OpenConnection<'a> {
    pub role: Role,
    pub ends: Ends,
    pub process: Option<Process>,
    pub workload: Option<&'a Workload>,
    pub state: OpenState,
}

impl Tracker {
    /// All of them, in no order.
    pub fn open_connections(&self) -> impl Iterator<Item = OpenConnection<'_>> {
        self.connections.values().map(|connection| OpenConnection {
            role: connection.role,
            ends: Ends::new(&connection.endpoints),
            process: connection.process,
            workload: self.workloads.of(connection.cgroup_netns()),
            state: connection.state(),
        })
    }
}
