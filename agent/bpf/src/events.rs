//! The ring buffer and the probes' own log, seen from user space.

use std::fmt;

use aya::maps::{MapData, RingBuf};
use aya_log::EbpfLogger;

use super::{error::ProbeError, load::Probes};

/// The reading end of the ring buffer `EVENTS`.
pub struct Events {
    ring: RingBuf<MapData>,
    log: Option<EbpfLogger<&'static dyn log::Log>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Hands at most `most` records to `sink` and returns how many there were.
    pub fn drain(&mut self, most: usize, mut sink: impl FnMut(&[u8])) -> usize {
        let mut taken = 0;
        while taken < most {
            let Some(record) = self.ring.next() else { break };
            sink(&record);
            taken += 1;
        }
        taken
    }

    /// Passes what the probes have logged on to the `log` crate.
    pub fn forward_log(&mut self) {
        if let Some(log) = &mut self.log {
            log.flush();
        }
    }
}

impl Probes {
    /// Takes the reading end out; there is one reader.
    ///
    /// # Errors
    /// When it was taken before.
    pub fn take_events(&mut self) -> Result<Events, ProbeError> {
        let map = self.ebpf.take_map("EVENTS").ok_or(ProbeError::NoMap("EVENTS"))?;
        let ring = RingBuf::try_from(map).map_err(|error| ProbeError::map("EVENTS", error))?;
        let log = EbpfLogger::init(&mut self.ebpf)
            .inspect_err(|error| tracing::debug!(%error, "the probes do not log"))
            .ok();
        Ok(Events { ring, log })
    }
}
