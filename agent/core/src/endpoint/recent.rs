//! The newest processes and ports of an endpoint's connections: what a filter may ask for and the key does not say.

use super::EndpointKey;
use crate::identity::{Ends, Process};

/// Of each kind.
const KEPT: usize = 16;

/// Different values, newest first.
#[derive(Clone, Copy, Debug, Default)]
struct Newest<T>([T; KEPT]);

impl<T: Copy + Default + PartialEq> Newest<T> {
    /// The default value stands for an empty place.
    fn add(&mut self, value: T) {
        let known = self.0.iter().position(|&kept| kept == value);
        self.0[..=known.unwrap_or(KEPT - 1)].rotate_right(1);
        self.0[0] = value;
    }

    fn shown(&self) -> Vec<T> {
        self.0.iter().copied().filter(|&value| value != T::default()).collect()
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    pids: Newest<u32>,
    /// Of either end, where the role is unknown: else the key has the server's.
    ports: Newest<u16>,
}

impl Recent {
    pub(super) fn add(&mut self, key: &EndpointKey, ends: &Ends, process: Option<Process>) {
        if let Some(pid) = process.and_then(|process| process.pid) {
            self.pids.add(pid);
        }
        if key.server_port.is_none() {
            self.ports.add(ends.remote.port());
            self.ports.add(ends.local.port());
        }
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        self.pids.shown()
    }

    pub(super) fn ports(&self) -> Vec<u16> {
        self.ports.shown()
    }
}
