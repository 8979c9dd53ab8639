//! Connects that are refused where a listener has ended: the probes count them by port.

use aya::maps::HashMap;
use whohungup_ebpf::event::FormerListener;

use super::{error::ProbeError, load::Probes};

const MAP: &str = "REFUSED";

type Key = [u32; 2];

const fn key(listener: FormerListener) -> Key {
    [listener.netns, listener.port]
}

impl Probes {
    /// Counts connects to `listener` from now on.
    ///
    /// # Errors
    /// When the map is full.
    pub fn count_refused(&mut self, listener: FormerListener) -> Result<(), ProbeError> {
        self.refused_map()?.insert(key(listener), 0, 0).map_err(|error| ProbeError::map(MAP, error))
    }

    /// How many there were; `None` of one that is not counted.
    pub fn refused(&mut self, listener: FormerListener) -> Option<u64> {
        self.refused_map().ok()?.get(&key(listener), 0).ok()
    }

    /// Ends the counting.
    pub fn forget_refused(&mut self, listener: FormerListener) {
        // It may not be counted any more.
        let _ = self
            .refused_map()
            .and_then(|mut map| map.remove(&key(listener)).map_err(|error| ProbeError::map(MAP, error)));
    }

    fn refused_map(&mut self) -> Result<HashMap<&mut aya::maps::MapData, Key, u64>, ProbeError> {
        let map = self.ebpf.map_mut(MAP).ok_or(ProbeError::NoMap(MAP))?;
        map.try_into().map_err(|error| ProbeError::map(MAP, error))
    }
}
