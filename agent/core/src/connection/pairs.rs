//! Pending closes that have not met the other end of their connection yet.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::identity::Ends;

/// By what a socket's other end has turned round. Only hashes of the addresses are kept, as this is asked for each close:
/// whoever is found must be looked at.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    hasher: DefaultHashBuilder,
    waiting: HashMap<u64, u64>,
}

impl Pairs {
    pub(super) fn wait(&mut self, netns: u32, ends: Ends, cookie: u64) {
        self.waiting.insert(self.key(netns, ends), cookie);
    }

    /// Who may be at the other end of a connection with these `ends`.
    pub(super) fn other_end(&self, netns: u32, ends: Ends) -> Option<u64> {
        self.waiting.get(&self.key(netns, ends.turned())).copied()
    }

    pub(super) fn met(&mut self, netns: u32, ends: Ends) {
        self.waiting.remove(&self.key(netns, ends.turned()));
    }

    pub(super) fn forget(&mut self, netns: u32, ends: Ends, cookie: u64) {
        let key = self.key(netns, ends);
        if self.waiting.get(&key) == Some(&cookie) {
            self.waiting.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Loopback addresses mean something in their own namespace only.
    fn key(&self, netns: u32, ends: Ends) -> u64 {
        let netns = if ends.local.ip().is_loopback() { netns } else { 0 };
        self.hasher.hash_one((netns, ends))
    }
}
