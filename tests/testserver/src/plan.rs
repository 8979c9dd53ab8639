//! Everything that chance decides in a scenario, decided by the seed.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use crate::truth::Family;

/// The stream of choices of one play. The order of the calls is part of the plan: none may depend on what the
/// network did.
#[derive(Debug)]
pub(crate) struct Plan {
    rng: fastrand::Rng,
}

impl Plan {
    /// Starts the stream of this scenario, so that one seed gives every scenario choices of its own.
    pub(crate) fn new(scenario: &str, family: Family, seed: u64) -> Self {
        let family = match family {
            Family::V4 => 4,
            Family::V6 => 6,
        };
        // FNV-1a: std's hasher promises no stability across releases.
        let name = scenario.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { rng: fastrand::Rng::with_seed(name ^ seed.rotate_left(8) ^ family) }
    }

    pub(crate) fn between(&mut self, range: RangeInclusive<u32>) -> u32 {
        self.rng.u32(range)
    }

    /// True once in `n` times.
    pub(crate) fn once_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(0..from.len())]
    }

    /// How many complete exchanges come before the event.
    pub(crate) fn exchanges(&mut self) -> u32 {
        self.between(1..=4)
    }

    /// How long the connection lies idle before the event, in milliseconds.
    pub(crate) fn gap(&mut self) -> u32 {
        self.between(150..=400)
    }

    /// How long a request is left unanswered before somebody hangs up, in milliseconds.
    pub(crate) fn patience(&mut self) -> u32 {
        self.between(50..=200)
    }

    /// An address of 127.0.0.0/8 that is neither a network nor a broadcast address by anybody's mask.
    pub(crate) fn loopback(&mut self) -> Ipv4Addr {
        let mut octet = || self.rng.u8(1..=254);
        Ipv4Addr::new(127, octet(), octet(), octet())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.rng.fill(&mut bytes);
        bytes
    }

    pub(crate) fn text(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.rng.alphanumeric() as u8).collect()
    }
}
