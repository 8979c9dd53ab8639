//! Who is at the other end of an endpoint's connections, where that is on this host.

use serde::{Deserialize, Serialize};

use super::EndpointKey;
use crate::{close::ClosedConnection, identity::Comm, workload::Workload};

/// Distinguished at one endpoint; further ones are not kept.
const KEPT: usize = 8;

/// One of the endpoints at the other end of an endpoint's connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerEndpoint {
    /// Its endpoint: [`EndpointKey::id`].
    #[serde(default)]
    pub id: String,
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
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    key: EndpointKey,
    workload: Option<Workload>,
    closes: u64,
    lost: u64,
}

/// What it may hold, bytes.
pub(super) const MOST_BYTES: usize = KEPT * size_of::<Known>();

impl Peers {
    /// Counts a close on which `lost` requests were lost.
    pub(super) fn add(&mut self, closed: &ClosedConnection, lost: u64) {
        let Some(key) = EndpointKey::of_peer(closed) else { return };
        let known = self.known.iter().position(|known| known.key == key);
        let at = match known {
            Some(at) => at,
            None if self.known.len() < KEPT => {
                let workload = closed.peer.as_ref().and_then(|peer| peer.workload.clone());
                self.known.reserve_exact(1);
                self.known.push(Known { key, workload, closes: 0, lost: 0 });
                self.known.len() - 1
            }
            None => return,
        };
        if let Some(peer) = self.known.get_mut(at) {
            peer.closes += u64::from(!closed.amends);
            peer.lost += lost;
        }
    }

    /// Those with the most closes first.
    pub(super) fn shown(&self) -> Vec<PeerEndpoint> {
        let peer = |Known { key, workload, closes, lost }: &Known| PeerEndpoint {
            id: key.id(),
            process: key.process,
            workload: workload.clone(),
            closes: *closes,
            lost: *lost,
        };
        let mut shown: Vec<PeerEndpoint> = self.known.iter().map(peer).collect();
        shown.sort_by_key(|peer| std::cmp::Reverse((peer.lost, peer.closes)));
        shown
    }

    pub(super) fn bytes(&self) -> usize {
        self.known.capacity() * size_of::<Known>()
    }
}
