//! Of which connections the probes read every message, where the overhead budget leaves some out.

use std::collections::{HashMap, VecDeque};

use whohungup_ebpf::{
    coverage::bucket,
    event::Endpoints,
    exchange::{Exchange, UNREAD},
};
use zerocopy::FromZeros as _;

/// Changes that are remembered of one port; of older ones the largest share that was left out.
const MOST_CHANGES: usize = 32;
/// Ports whose changes are remembered.
const MOST_PORTS: usize = 1024;
/// So many buckets there are: with all of them left out nothing is read.
pub const BUCKETS: u16 = 256;

/// What was left out, and when. Times are CLOCK_MONOTONIC, ns.
#[derive(Debug, Default)]
pub struct Coverage {
    ports: HashMap<u16, History>,
    /// Of every port, while the probes were detached.
    all: History,
    /// Of what began before, nothing is known to be whole.
    forgotten_ns: u64,
}

/// How many buckets were left out from when on, oldest first; none before.
#[derive(Debug, Default)]
struct History(VecDeque<(u64, u16)>);

impl History {
    fn set(&mut self, at_ns: u64, left_out: u16) {
        if self.now() == left_out {
            return;
        }
        self.0.push_back((at_ns, left_out));
        if self.0.len() > MOST_CHANGES
            && let Some((since_ns, oldest)) = self.0.pop_front()
            && let Some(front) = self.0.front_mut()
        {
            *front = (since_ns, front.1.max(oldest));
        }
    }

    fn now(&self) -> u16 {
        self.0.back().map_or(0, |&(_, left_out)| left_out)
    }

    /// The most that was left out at any time between two.
    fn most(&self, from_ns: u64, to_ns: u64) -> u16 {
        let mut most = 0;
        for (at, &(since_ns, left_out)) in self.0.iter().enumerate() {
            let until_ns = self.0.get(at + 1).map_or(u64::MAX, |&(next_ns, _)| next_ns);
            if since_ns <= to_ns && until_ns > from_ns {
                most = most.max(left_out);
            }
        }
        most
    }
}

impl Coverage {
    /// From `at_ns` on so many of the [`BUCKETS`] of a port are left out. To be called before the probes leave more out, and
    /// after they have begun to read what they had left out.
    pub fn set_port(&mut self, at_ns: u64, port: u16, left_out: u16) {
        if !self.ports.contains_key(&port) {
            if left_out == 0 {
                return;
            }
            if self.ports.len() >= MOST_PORTS {
                self.ports.retain(|_, history| history.now() > 0);
                self.forgotten_ns = at_ns;
            }
        }
        self.ports.entry(port).or_default().set(at_ns, left_out);
    }

    /// The same of all ports.
    pub fn set_all(&mut self, at_ns: u64, left_out: u16) {
        self.all.set(at_ns, left_out);
    }

    /// Whether every message of a connection was read that began, and ended, at these times.
    pub(super) fn is_whole(&self, endpoints: &Endpoints, begun_ns: u64, seen_ns: u64) -> bool {
        if self.ports.is_empty() && self.all.0.is_empty() {
            return true;
        }
        let ports = [endpoints.sport_be, endpoints.dport_be].map(u16::from_be);
        let [one, other] = ports.map(u32::from);
        let bucket = u16::from(bucket(one, other));
        let histories = ports.iter().filter_map(|port| self.ports.get(port)).chain([&self.all]);
        begun_ns >= self.forgotten_ns
            && histories.into_iter().all(|history| bucket >= history.most(begun_ns, seen_ns))
    }
}

/// What is left of an exchange that was not read from its beginning to its end: whatever no message says.
pub(super) fn unread(exchange: &Exchange) -> Box<Exchange> {
    let mut left = Box::new(Exchange::new_zeroed());
    left.protocol = UNREAD;
    left.reset_ttl = exchange.reset_ttl;
    left.reset_flags = exchange.reset_flags;
    left.reset_at = exchange.reset_at;
    left.reset_ack = exchange.reset_ack;
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(client: u16) -> Endpoints {
        let mut endpoints = Endpoints::new_zeroed();
        (endpoints.sport_be, endpoints.dport_be) = (client.to_be(), 8080_u16.to_be());
        endpoints
    }

    /// A client's port in that bucket of port 8080.
    fn client_in(wanted: u8) -> u16 {
        (32_768..=u16::MAX).find(|&port| bucket(port.into(), 8080) == wanted).expect("a port")
    }

    #[test]
    fn a_connection_is_whole_that_was_in_no_bucket_left_out_for_as_long_as_it_lived() {
        let mut coverage = Coverage::default();
        let (low, high) = (endpoints(client_in(10)), endpoints(client_in(200)));
        assert!(coverage.is_whole(&low, 0, u64::MAX));
        coverage.set_port(100, 8080, 128);
        coverage.set_port(200, 8080, 5);
        for (begun, seen, whole) in
            [(10, 99, true), (10, 100, false), (110, 120, false), (199, 300, false), (200, 300, true)]
        {
            assert_eq!(coverage.is_whole(&low, begun, seen), whole, "{begun} to {seen}");
            assert!(coverage.is_whole(&high, begun, seen), "{begun} to {seen}");
        }
        coverage.set_all(400, BUCKETS);
        coverage.set_all(500, 0);
        for (begun, seen, whole) in [(300, 399, true), (300, 400, false), (450, 600, false), (500, 600, true)]
        {
            assert_eq!(coverage.is_whole(&high, begun, seen), whole, "{begun} to {seen}");
        }
        let mut other = high;
        other.dport_be = 9090_u16.to_be();
        assert!(!coverage.is_whole(&other, 450, 460), "all ports were left out");
        assert!(coverage.is_whole(&other, 10, 399));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_is_not_called_whole() {
        let mut coverage = Coverage::default();
        let low = endpoints(client_in(10));
        for step in 1..1000_u64 {
            coverage.set_port(step * 10, 8080, if step % 2 == 1 { 128 } else { 0 });
        }
        assert!(coverage.ports[&8080].0.len() <= MOST_CHANGES);
        assert!(!coverage.is_whole(&low, 25, 28), "merged with what was left out around it");
        assert!(coverage.is_whole(&low, 9985, 9989) && !coverage.is_whole(&low, 9985, 9991));

        coverage.set_port(15_000, 8080, 0);
        for port in 1..=MOST_PORTS as u16 + 1 {
            coverage.set_port(20_000, port, 1);
            coverage.set_port(20_001, port, 0);
        }
        assert!(coverage.ports.len() <= MOST_PORTS);
        assert!(!coverage.is_whole(&low, 19_000, 19_001) && coverage.is_whole(&low, 20_002, 20_003));
    }
}
