//! The probes' own counters, summed over CPUs.

use aya::maps::PerCpuArray;
use whohungup_ebpf::counters::Counter;

use super::{error::ProbeError, load::Probes};

/// Sums over all CPUs since the probes were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterTotals([u64; Counter::COUNT]);

impl CounterTotals {
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// For tests: each counter as `total` says.
    pub fn from_fn(total: impl Fn(Counter) -> u64) -> Self {
        Self(Counter::ALL.map(total))
    }

    /// Records that did not fit the ring buffer.
    pub fn lost(&self) -> u64 {
        Counter::ALL.iter().filter(|c| c.lost_kind().is_some()).map(|&c| self.get(c)).sum()
    }
}

impl Probes {
    /// Reads the counters.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn counters(&self) -> Result<CounterTotals, ProbeError> {
        const NAME: &str = "COUNTERS";
        let map = self.ebpf.map(NAME).ok_or(ProbeError::NoMap(NAME))?;
        let map: PerCpuArray<_, u64> = map.try_into().map_err(|error| ProbeError::map(NAME, error))?;
        let mut totals = CounterTotals::default();
        for counter in Counter::ALL {
            let per_cpu = map.get(&(counter as u32), 0).map_err(|error| ProbeError::map(NAME, error))?;
            totals.0[counter as usize] = per_cpu.iter().sum();
        }
        Ok(totals)
    }
}
