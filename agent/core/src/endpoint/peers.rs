//! Who is at the other end of an endpoint's connections, where that is on this host.

use serde::{Deserialize, Serialize};

use super::EndpointKey;
use crate::{close::ClosedConnection, identity::Comm, workload::Workload};

/// Distinguished at one endpoint; further ones are not kept.
const KEPT: usize = 8;

/// One of the endpoints at the other end of an endpoint's connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerEndpoint {
    /// Empty where it is not known.
    pub process: Comm,
    pub workload: Option<Workload>,
    /// Connections with it that ended, and requests lost on them.
    pub closes: u64,
    pub lost: u64,
}

/// Bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    known: Vec<(EndpointKey, PeerEndpoint)>,
}

/// What it may hold, bytes.
pub(super) const MOST_BYTES: usize = KEPT * size_of::<(EndpointKey, PeerEndpoint)>();

impl Peers {
    /// Counts a close on which `lost` requests were lost.
    pub(super) fn add(&mut self, closed: &ClosedConnection, lost: u64) {
        let Some(key) = EndpointKey::of_peer(closed) else { return };
        let known = self.known.iter().position(|(known, _)| *known == key);
        let at = match known {
            Some(at) => at,
            None if self.known.len() < KEPT => {
                let workload = closed.peer.as_ref().and_then(|peer| peer.workload.clone());
                let peer = PeerEndpoint { process: key.process, workload, closes: 0, lost: 0 };
                self.known.reserve_exact(1);
                self.known.push((key, peer));
                self.known.len() - 1
            }
            None => return,
        };
        if let Some((_, peer)) = self.known.get_mut(at) {
            peer.closes += u64::from(!closed.amends);
            peer.lost += lost;
        }
    }

    /// Those with the most closes first.
    pub(super) fn shown(&self) -> Vec<PeerEndpoint> {
        let mut shown: Vec<PeerEndpoint> = self.known.iter().map(|(_, peer)| peer.clone()).collect();
        shown.sort_by_key(|peer| std::cmp::Reverse((peer.lost, peer.closes)));
        shown
    }

    pub(super) fn bytes(&self) -> usize {
        self.known.capacity() * size_of::<(EndpointKey, PeerEndpoint)>()
    }
}
