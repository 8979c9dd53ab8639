//! Which addresses connections were made to lately: whether the network or just one flow has failed.

use std::net::IpAddr;

use hashbrown::HashMap;

use crate::identity::Ends;
use crate::labels::Role;

/// Places in each of the two generations.
const CAPACITY: usize = 2048;

/// When a connection to each place was last made, CLOCK_MONOTONIC ns. The newest are known: at least [`CAPACITY`], at most
/// twice as many.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    newer: HashMap<Place, u64>,
    older: HashMap<Place, u64>,
}

/// A server's address and port, or a client's address: its ports are of no account.
type Place = (u32, IpAddr, Option<u16>);

impl Reachability {
    pub(super) fn note(&mut self, netns: u32, role: Role, ends: &Ends, at_ns: u64) {
        if self.newer.len() >= CAPACITY {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(place(netns, role, ends), at_ns);
    }

    /// Whether a connection was made to the same place after `since_ns`.
    pub(super) fn is_reached(&self, netns: u32, role: Role, ends: &Ends, since_ns: u64) -> bool {
        let place = place(netns, role, ends);
        let newest = self.newer.get(&place).or_else(|| self.older.get(&place));
        newest.is_some_and(|&at_ns| at_ns > since_ns)
    }
}

fn place(netns: u32, role: Role, ends: &Ends) -> Place {
    (netns, ends.remote.ip(), (role != Role::Server).then_some(ends.remote.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(remote: &str) -> Ends {
        let remote = remote.parse().expect("an address");
        Ends { local: "10.0.0.9:5".parse().expect("an address"), remote }
    }

    #[test]
    fn a_place_is_reached_by_a_later_connection_to_the_same_server() {
        let mut reached = Reachability::default();
        reached.note(1, Role::Client, &ends("10.0.0.1:80"), 100);
        assert!(reached.is_reached(1, Role::Client, &ends("10.0.0.1:80"), 99));
        for (netns, remote, since) in
            [(1, "10.0.0.1:80", 100), (1, "10.0.0.1:81", 0), (1, "10.0.0.2:80", 0), (2, "10.0.0.1:80", 0)]
        {
            assert!(
                !reached.is_reached(netns, Role::Client, &ends(remote), since),
                "{netns} {remote} {since}"
            );
        }
    }

    #[test]
    fn a_client_is_its_address_whatever_its_port() {
        let mut reached = Reachability::default();
        reached.note(1, Role::Server, &ends("10.0.0.1:40000"), 100);
        assert!(reached.is_reached(1, Role::Server, &ends("10.0.0.1:50000"), 99));
    }

    #[test]
    fn only_the_newest_places_are_known() {
        let mut reached = Reachability::default();
        for port in 0..=u16::MAX {
            reached.note(1, Role::Client, &ends(&format!("10.0.0.1:{port}")), 1);
        }
        assert!(reached.newer.len() + reached.older.len() <= 2 * CAPACITY);
        assert!(reached.is_reached(1, Role::Client, &ends("10.0.0.1:65535"), 0));
        assert!(!reached.is_reached(1, Role::Client, &ends("10.0.0.1:0"), 0));
    }
}
