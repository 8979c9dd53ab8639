//! What the HTTP tier leaves out, as the probes are told.

use std::collections::{BTreeMap, BTreeSet};

use aya::maps::{Array, MapData};
use whohungup_ebpf::coverage::{ALL_FOLLOWED, BY_PORT, MODE_ROW, PORTS_EACH, place};

use super::{error::ProbeError, load::Probes};

const MAP: &str = "LEFT_OUT";

type Row = [u8; PORTS_EACH];

impl Probes {
    /// From now on so many of 256 buckets of the connections of each port are not read; `before` is what was said last.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn leave_out(
        &mut self,
        before: &BTreeMap<u16, u8>,
        left_out: &BTreeMap<u16, u8>,
    ) -> Result<(), ProbeError> {
        let map = self.ebpf.map_mut(MAP).ok_or(ProbeError::NoMap(MAP))?;
        let mut map: Array<&mut MapData, Row> =
            map.try_into().map_err(|error| ProbeError::map(MAP, error))?;
        let mut write =
            |row: u32, bytes: Row| map.set(row, bytes, 0).map_err(|error| ProbeError::map(MAP, error));
        let touched: BTreeSet<u32> =
            before.keys().chain(left_out.keys()).map(|&port| place(port.into()).0).collect();
        for row in touched {
            let mut bytes = [0; PORTS_EACH];
            for (&port, &buckets) in left_out {
                let (its_row, at) = place(port.into());
                if its_row == row {
                    bytes[at] = buckets;
                }
            }
            write(row, bytes)?;
        }
        let mut mode = [0; PORTS_EACH];
        mode[0] = if left_out.is_empty() { ALL_FOLLOWED } else { BY_PORT };
        write(MODE_ROW, mode)
    }
}
