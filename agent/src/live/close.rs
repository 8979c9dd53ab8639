//! One close as the page, the API and `top` show it: the record that every output shares (docs/json.md), numbered.

use serde::{Deserialize, Serialize};

use super::{kept::KeptClose, say};
use whohungup_core::{
    close::{ClosedConnection, Peer},
    endpoint::EndpointKey,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedClose {
    /// Counted from 1 since the agent began.
    pub number: u64,
    /// What happened, in a sentence.
    pub summary: String,
    /// The names of the close's `workload` as people say them: `shop/checkout-7d4b9/app`.
    #[serde(default)]
    pub workload_name: Option<String>,
    /// The `id` of its endpoint in the live view.
    #[serde(default)]
    pub endpoint: String,
    /// Who is at the other end, where it is on this host: `node in nginx.service`.
    #[serde(default)]
    pub peer_name: Option<String>,
    #[serde(flatten)]
    pub close: ClosedConnection,
}

impl NumberedClose {
    pub fn new(kept: &KeptClose) -> Self {
        Self {
            number: kept.number,
            summary: say::close(&kept.close),
            workload_name: kept.close.workload.as_ref().map(ToString::to_string),
            endpoint: EndpointKey::of_close(&kept.close).id(),
            peer_name: kept.close.peer.as_ref().and_then(name),
            close: kept.close.clone(),
        }
    }
}

fn name(peer: &Peer) -> Option<String> {
    let process = peer.process.map(|process| process.comm.to_string()).filter(|name| !name.is_empty());
    match (process, &peer.workload) {
        (Some(process), Some(workload)) => Some(format!("{process} in {workload}")),
        (process, workload) => process.or_else(|| Some(workload.as_ref()?.to_string())),
    }
}
