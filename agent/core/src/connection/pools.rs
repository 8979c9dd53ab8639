//! What the closes of one process together show: a server that shuts down, a pool that lets connections go.

use std::{collections::VecDeque, net::SocketAddr};

use hashbrown::HashMap;

/// Closes and the end of their listener lie no further apart than this in a shutdown: Node closes its idle connections
/// 0.2 to 0.6 ms before its listener, Go and nginx right after (measured with Node 26, Go 1.27, nginx 1.22).
const SHUTDOWN_NS: u64 = 50_000_000;
/// A pool that purges closes one connection right after the other; threads of one process that have nothing to do with each
/// other meet within a longer time by chance.
const PURGE_NS: u64 = 2_000_000;
/// Ended listeners that are remembered; a server's own idle timers may still run for a while after it.
const LISTENERS: usize = 256;
const LISTENER_KEPT_NS: u64 = 65_000_000_000;
/// Closes of one pool at the same time that are looked at.
const PURGED: usize = 8;

/// A client's connections to one server: network namespace, process, server.
pub(super) type Pool = (u32, u32, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Pools {
    ended: VecDeque<EndedListener>,
    pools: HashMap<Pool, Connections>,
}

#[derive(Clone, Copy, Debug)]
struct EndedListener {
    at_ns: u64,
    netns: u32,
    address: SocketAddr,
}

/// The connections of one pool.
#[derive(Debug, Default)]
struct Connections {
    /// Open, and of them those whose end has begun.
    open: u32,
    closing: u32,
    /// A connection of it has carried more than one request.
    reuses: bool,
    /// The newest closes by this end.
    closed: VecDeque<Closed>,
}

#[derive(Clone, Copy, Debug)]
struct Closed {
    at_ns: u64,
    cookie: u64,
    /// Once it is settled: for how many seconds the connection had been idle.
    idle: Option<f64>,
}

impl Pools {
    pub(super) fn listener_ended(&mut self, at_ns: u64, netns: u32, address: SocketAddr) {
        if self.ended.len() >= LISTENERS {
            self.ended.pop_front();
        }
        self.ended.push_back(EndedListener { at_ns, netns, address });
    }

    /// How long after its listener a server's connection was closed, ns: negative when before it. `None` when its listener
    /// did not end within a minute before it, or a moment after.
    pub(super) fn after_listener(&self, at_ns: u64, netns: u32, local: SocketAddr) -> Option<i64> {
        self.ended
            .iter()
            .rev()
            // They came in this order: what is older does not count for this close.
            .take_while(|ended| ended.at_ns.saturating_add(LISTENER_KEPT_NS) >= at_ns)
            .filter(|ended| ended.netns == netns && ended.address.port() == local.port())
            .filter(|ended| ended.address.ip() == local.ip() || ended.address.ip().is_unspecified())
            .map(|ended| at_ns as i64 - ended.at_ns as i64)
            .find(|apart| (-(SHUTDOWN_NS as i64)..=LISTENER_KEPT_NS as i64).contains(apart))
    }

    pub(super) fn opened(&mut self, pool: Pool) {
        self.pools.entry(pool).or_default().open += 1;
    }

    /// The end of a connection has begun; `by_this_end` when this end began it.
    pub(super) fn closing(&mut self, pool: &Pool, cookie: u64, at_ns: u64, by_this_end: bool) {
        let Some(connections) = self.pools.get_mut(pool) else { return };
        connections.closing += 1;
        if by_this_end {
            if connections.closed.len() >= PURGED {
                connections.closed.pop_front();
            }
            connections.closed.push_back(Closed { at_ns, cookie, idle: None });
        }
    }

    /// A close is settled after `idle` seconds without an exchange.
    pub(super) fn settled(&mut self, pool: &Pool, cookie: u64, idle: Option<f64>) {
        let Some(connections) = self.pools.get_mut(pool) else { return };
        if let Some(closed) = connections.closed.iter_mut().find(|closed| closed.cookie == cookie) {
            closed.idle = idle;
        }
    }

    /// A connection has gone whose end had begun if `closing`.
    pub(super) fn gone(&mut self, pool: &Pool, closing: bool) {
        let Some(connections) = self.pools.get_mut(pool) else { return };
        connections.open = connections.open.saturating_sub(1);
        connections.closing = connections.closing.saturating_sub(u32::from(closing));
        if connections.open == 0 {
            self.pools.remove(pool);
        }
    }

    pub(super) fn reuses(&mut self, pool: &Pool) {
        if let Some(connections) = self.pools.get_mut(pool) {
            connections.reuses = true;
        }
    }

    /// Connections that the pool keeps, when it is known to use them again.
    pub(super) fn kept(&self, pool: &Pool) -> Option<u32> {
        let connections = self.pools.get(pool)?;
        connections.reuses.then(|| connections.open.saturating_sub(connections.closing))
    }

    /// Others that this end of the pool closed at the same time as `cookie`, with their idle times where those are known.
    pub(super) fn closed_with(&self, pool: &Pool, cookie: u64, at_ns: u64) -> Vec<(u64, Option<f64>)> {
        let Some(connections) = self.pools.get(pool) else { return Vec::new() };
        let together = |other: &&Closed| other.cookie != cookie && other.at_ns.abs_diff(at_ns) <= PURGE_NS;
        connections.closed.iter().filter(together).map(|other| (other.cookie, other.idle)).collect()
    }
}

/// Whether a close that many seconds after its listener's end belongs to it.
pub(crate) fn is_shutdown(after_listener: f64) -> bool {
    after_listener.abs() <= SHUTDOWN_NS as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_close_belongs_to_its_own_listeners_end_in_either_order() {
        let mut pools = Pools::default();
        pools.listener_ended(1_000_000_000, 1, address("0.0.0.0:80"));
        let after = |at, netns, local| pools.after_listener(at, netns, address(local));
        assert_eq!(after(1_000_500_000, 1, "10.0.0.1:80"), Some(500_000));
        assert_eq!(after(999_500_000, 1, "10.0.0.1:80"), Some(-500_000));
        assert!(is_shutdown(-0.0005) && is_shutdown(0.0005) && !is_shutdown(4.0));
        // By its own timer, a while after.
        assert_eq!(after(5_000_000_000, 1, "10.0.0.1:80"), Some(4_000_000_000));
        assert_eq!(after(900_000_000, 1, "10.0.0.1:80"), None);
        assert_eq!(after(1_000_500_000, 2, "10.0.0.1:80"), None);
        assert_eq!(after(1_000_500_000, 1, "10.0.0.1:81"), None);
    }

    #[test]
    fn a_pool_is_forgotten_with_its_last_connection_and_its_closes_are_bounded() {
        let mut pools = Pools::default();
        let pool = (1, 2, address("10.0.0.1:80"));
        for cookie in 0..100 {
            pools.opened(pool);
            pools.closing(&pool, cookie, 5, true);
        }
        assert_eq!(pools.closed_with(&pool, 99, 5).len(), PURGED - 1);
        assert_eq!(pools.closed_with(&pool, 99, 5 + 2 * PURGE_NS).len(), 0);
        for _ in 0..100 {
            pools.gone(&pool, true);
        }
        assert!(pools.pools.is_empty());
    }

    #[test]
    fn what_a_pool_keeps_counts_only_once_it_is_known_to_be_one() {
        let mut pools = Pools::default();
        let pool = (1, 2, address("10.0.0.1:80"));
        pools.opened(pool);
        pools.opened(pool);
        assert_eq!(pools.kept(&pool), None);
        pools.reuses(&pool);
        pools.closing(&pool, 1, 5, true);
        assert_eq!(pools.kept(&pool), Some(1));
    }
}
