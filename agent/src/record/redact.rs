//! What of a close is left out of the record.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use whohungup_core::close::ClosedConnection;

/// Fields that a record can do without; they are `null` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Omit {
    /// Why, in words
    Evidence,
    /// `server` and `keep_alive` of the newest response, `trace_id` and `span_id` of an open request
    Headers,
    /// Process names and ids, also of the peer
    Processes,
    /// Pod, container and unit, also of the peer
    Workloads,
}

/// What of a field is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Redact {
    /// IP addresses become `0.0.0.0` or `[::]`, and `community_id` null, as they can be guessed from it; ports stay
    Addresses,
}

/// Leaves out of `close` what is not to be recorded.
pub(super) fn redact(close: &mut ClosedConnection, omit: &[Omit], redact: &[Redact]) {
    for field in omit {
        match field {
            Omit::Evidence => close.evidence.clear(),
            Omit::Headers => {
                (close.server, close.keep_alive) = (None, None);
                (close.trace_id, close.span_id) = (None, None);
            }
            Omit::Processes => {
                (close.process, close.closed_by) = (None, None);
                close.peer.iter_mut().for_each(|peer| peer.process = None);
            }
            Omit::Workloads => {
                (close.workload, close.cgroup_id) = (None, None);
                close.peer.iter_mut().for_each(|peer| peer.workload = None);
            }
        }
    }
    if redact.contains(&Redact::Addresses) {
        close.ends.local = without_address(close.ends.local);
        close.ends.remote = without_address(close.ends.remote);
        close.community_id = None;
        close.peer.iter_mut().for_each(|peer| peer.address = peer.address.map(without_address));
    }
}

fn without_address(address: SocketAddr) -> SocketAddr {
    let none = match address.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(none, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use whohungup_core::{close::Peer, testing::server_idle};

    #[test]
    fn nothing_of_what_is_left_out_is_in_the_line() {
        let mut close = server_idle(8080, "secretive");
        close.evidence = vec!["from 127.0.0.1".to_owned()];
        close.server = Some("Secret/1".to_owned());
        close.peer = Some(Peer {
            process: close.process,
            workload: None,
            address: Some(SocketAddr::from(([192, 0, 2, 7], 1))),
        });
        let all = [Omit::Evidence, Omit::Headers, Omit::Processes, Omit::Workloads];
        redact(&mut close, &all, &[Redact::Addresses]);
        let line = serde_json::to_string(&close).expect("JSON");
        assert!(line.contains("\"community_id\":null"), "{line}");
        for word in ["127.0.0.1", "192.0.2.7", "secretive", "Secret"] {
            assert!(!line.contains(word), "{word}: {line}");
        }
        assert!(line.contains("\"local\":\"0.0.0.0:8080\""), "{line}");
        assert!(serde_json::from_str::<ClosedConnection>(&line).is_ok());
    }
}
