//! What the open connections are, counted by endpoint.

use hashbrown::HashMap;

use super::{entry::OpenState, tracker::Tracker};
use crate::endpoint::EndpointKey;
use crate::identity::Ends;

/// Open connections by endpoint.
#[derive(Clone, Debug, Default)]
pub struct OpenByEndpoint {
    /// In the order of [`OpenState::ALL`].
    pub endpoints: HashMap<EndpointKey, [u64; 3]>,
    /// Of endpoints beyond the limit.
    pub other: [u64; 3],
}

impl Tracker {
    /// Counted now, by a walk over the whole table: about 30 ms for a million connections. Not more than `most`
    /// endpoints are reported apart.
    pub fn open_by_endpoint(&self, most: usize) -> OpenByEndpoint {
        let mut open = OpenByEndpoint::default();
        for connection in self.connections.values() {
            let ends = Ends::new(&connection.endpoints);
            let workload = self.workloads.of(connection.cgroup_netns());
            let id = EndpointKey::of(connection.role, &ends, connection.process, workload);
            let state = connection.state();
            let at = OpenState::ALL.iter().position(|&one| one == state).unwrap_or_default();
            let counts = if open.endpoints.len() < most || open.endpoints.contains_key(&id) {
                open.endpoints.entry(id).or_default()
            } else {
                &mut open.other
            };
            counts[at] += 1;
        }
        open
    }
}
