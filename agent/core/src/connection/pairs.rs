//! Pending closes that have not met the other end of their connection yet.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::{identity::Ends, labels::Role};

/// By what a socket's other end has turned round. Only hashes of the addresses are kept, as this is asked for each close:
/// whoever is found must be looked at.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    hasher: DefaultHashBuilder,
    waiting: HashMap<u64, u64>,
    /// The same by the client's address alone: the address that a client connects to may be a service's (DNAT).
    behind_nat: HashMap<u64, u64>,
}

/// Who may be at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) cookie: u64,
    /// The two do not agree on the server's address.
    pub(super) is_behind_nat: bool,
}

impl Pairs {
    pub(super) fn wait(&mut self, netns: u32, role: Role, ends: Ends, cookie: u64) {
        self.waiting.insert(self.key(netns, ends), cookie);
        if let Some(key) = self.nat_key(role, ends) {
            self.behind_nat.insert(key, cookie);
        }
    }

    /// Gives back the room that a peak has left mostly empty.
    pub(super) fn release_memory(&mut self) {
        self.waiting.shrink_to(2 * self.waiting.len());
        self.behind_nat.shrink_to(2 * self.behind_nat.len());
    }

    /// Who may be at the other end of a connection with these `ends`, likeliest first.
    pub(super) fn other_ends(&self, netns: u32, role: Role, ends: Ends) -> impl Iterator<Item = Candidate> {
        let exact = self.waiting.get(&self.key(netns, ends.turned())).copied();
        let key = self.nat_key(role.other(), ends.turned());
        let behind_nat = key.and_then(|key| self.behind_nat.get(&key).copied());
        let candidate = |is_behind_nat| move |cookie| Candidate { cookie, is_behind_nat };
        exact.map(candidate(false)).into_iter().chain(behind_nat.map(candidate(true)))
    }

    /// The end with these `ends` waits no more.
    pub(super) fn met(&mut self, netns: u32, role: Role, ends: Ends) {
        self.waiting.remove(&self.key(netns, ends));
        if let Some(key) = self.nat_key(role, ends) {
            self.behind_nat.remove(&key);
        }
    }

    pub(super) fn forget(&mut self, netns: u32, role: Role, ends: Ends, cookie: u64) {
        let key = self.key(netns, ends);
        if self.waiting.get(&key) == Some(&cookie) {
            self.waiting.remove(&key);
        }
        if let Some(key) = self.nat_key(role, ends)
            && self.behind_nat.get(&key) == Some(&cookie)
        {
            self.behind_nat.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.behind_nat.is_empty()
    }

    /// `None` where no other address can stand for an end: on the loopback, and where the role is unknown.
    fn nat_key(&self, role: Role, ends: Ends) -> Option<u64> {
        let client = match role {
            Role::Client => ends.local,
            Role::Server => ends.remote,
            Role::Unknown => return None,
        };
        (!client.ip().is_loopback()).then(|| self.hasher.hash_one((role, client)))
    }

    /// Loopback addresses mean something in their own namespace only.
    fn key(&self, netns: u32, ends: Ends) -> u64 {
        let netns = if ends.local.ip().is_loopback() { netns } else { 0 };
        self.hasher.hash_one((netns, ends))
    }
}
