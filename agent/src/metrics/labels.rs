//! Which endpoint a series is of.

use std::sync::Arc;

use whohungup_core::{
    endpoint::{EndpointKey, counters::OTHER},
    labels::Role,
};

/// What tells an endpoint's series from others'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
}

impl Labels {
    pub(super) fn shown(key: &EndpointKey) -> Self {
        let unknown = || "unknown".into();
        Self {
            role: key.role.as_str(),
            server_port: key.server_port.map_or_else(unknown, |port| port.to_string().into()),
            process: if key.process.is_empty() { unknown() } else { key.process.as_str().into() },
        }
    }

    /// Of all endpoints of a role that have no series of their own.
    pub(super) fn other(role: Role) -> Self {
        Self { role: role.as_str(), server_port: OTHER.into(), process: OTHER.into() }
    }

    pub(super) fn values(&self) -> [&str; 3] {
        [self.role, &self.server_port, &self.process]
    }
}
