//! Server port and process as labels, bounded: what is over the bound is counted as `other`.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::{
    close::{facts::comm, words::Role},
    track::{Ends, Process},
};

type Key = (Option<u16>, [u8; 16]);

#[derive(Debug)]
pub(super) struct Endpoints {
    known: HashMap<Key, (Arc<str>, Arc<str>)>,
    limit: usize,
    other: Arc<str>,
}

impl Endpoints {
    pub(super) fn new(limit: usize) -> Self {
        Self { known: HashMap::new(), limit, other: "other".into() }
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The label values for a socket, and whether it went over the bound.
    pub(super) fn of(
        &mut self,
        role: Role,
        ends: &Ends,
        process: Option<Process>,
    ) -> (Arc<str>, Arc<str>, bool) {
        // A client's own port and a stranger's are of no use to anybody and without bound.
        let port = match role {
            Role::Server => Some(ends.local.port()),
            Role::Client => Some(ends.remote.port()),
            Role::Unknown => None,
        };
        let name = process.map_or([0; 16], |process| process.comm);
        if let Some((port, process)) = self.known.get(&(port, name)) {
            return (Arc::clone(port), Arc::clone(process), false);
        }
        if self.known.len() >= self.limit {
            return (Arc::clone(&self.other), Arc::clone(&self.other), true);
        }
        let port_label: Arc<str> = port.map_or("unknown".into(), |port| port.to_string().into());
        let process: Arc<str> = if name[0] == 0 { "unknown".into() } else { comm(&name).into() };
        self.known.insert((port, name), (Arc::clone(&port_label), Arc::clone(&process)));
        (port_label, process, false)
    }
}
