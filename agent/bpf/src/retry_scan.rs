//! Scans the sockets that lead to a server for retries of a lost request.

use std::{io::Read as _, net::IpAddr};

use aya::maps::HashMap;
use whohungup_ebpf::{
    decode::{Record, decode},
    exchange::{Exchange, ExchangeRecord},
    retry_query::{MAX_RETRY_QUERIES, ServerKey},
};
use zerocopy::IntoBytes as _;

use super::{
    error::{Cause, ProbeError},
    load::Probes,
    namespaces,
    socket_dump::namespace_id,
};
use whohungup_core::connection::RetryQuery;

pub(super) const PROGRAM: &str = "scan_retries";
const MAP: &str = "RETRY_QUERIES";
/// Bytes of [`ServerKey`], which is what the map takes.
type Key = [u8; size_of::<ServerKey>()];
/// Answers that are read for one question: a pool's connections.
const MAX_ANSWERS: usize = 1024;

const AF_INET: u16 = libc::AF_INET as u16;
const AF_INET6: u16 = libc::AF_INET6 as u16;

impl Probes {
    /// The state, by cookie, of every client socket to one of the servers in `queries` whose newest request started since then.
    /// Needs the HTTP tier.
    ///
    /// # Errors
    /// When the map cannot be written or the agent's own namespace cannot be walked.
    pub fn scan_for_retries(&mut self, queries: &[RetryQuery]) -> Result<Vec<(u64, Exchange)>, ProbeError> {
        let keys: Vec<(Key, u32)> = queries.iter().flat_map(keys).take(MAX_RETRY_QUERIES).collect();
        self.write_queries(&keys, true)?;
        let own = namespace_id();
        let mut answers = Vec::new();
        let mut outcome = Ok(());
        for (netns, file) in namespaces::all().files {
            if !queries.iter().any(|query| u64::from(query.netns) == netns) {
                continue;
            }
            let opened =
                if Some(netns) == own { self.iterate(PROGRAM) } else { self.iterate_in(PROGRAM, &file) };
            if let Err(source) = opened.and_then(|records| read(records, &mut answers)) {
                outcome = Err(ProbeError::SocketDump { netns, source });
            }
        }
        self.write_queries(&keys, false)?;
        outcome.map(|()| answers)
    }

    fn write_queries(&mut self, keys: &[(Key, u32)], begins: bool) -> Result<(), ProbeError> {
        let map = self.ebpf.map_mut(MAP).ok_or(ProbeError::NoMap(MAP))?;
        let mut map: HashMap<_, Key, u32> = map.try_into().map_err(|error| ProbeError::map(MAP, error))?;
        for (key, since) in keys {
            if begins {
                map.insert(key, since, 0).map_err(|error| ProbeError::map(MAP, error))?;
            } else {
                // Asked for twice, it has gone already.
                let _ = map.remove(key);
            }
        }
        Ok(())
    }
}

/// The keys under which sockets of either family may know the server.
fn keys(query: &RetryQuery) -> Vec<(Key, u32)> {
    let key = |family, address| {
        let server = ServerKey { address, port_be: query.server.port().to_be(), family, netns: query.netns };
        let mut key = Key::default();
        key.copy_from_slice(server.as_bytes());
        (key, query.since)
    };
    match query.server.ip() {
        IpAddr::V4(address) => {
            let mut padded = [0; 16];
            padded[..4].copy_from_slice(&address.octets());
            vec![key(AF_INET, padded), key(AF_INET6, address.to_ipv6_mapped().octets())]
        }
        IpAddr::V6(address) => vec![key(AF_INET6, address.octets())],
    }
}

fn read(mut records: std::fs::File, answers: &mut Vec<(u64, Exchange)>) -> Result<(), Cause> {
    let mut bytes = vec![0; 64 * size_of::<ExchangeRecord>()];
    while answers.len() < MAX_ANSWERS {
        let got = records.read(&mut bytes)?;
        if got == 0 {
            break;
        }
        let mut rest = &bytes[..got];
        while !rest.is_empty() {
            let (record, used) = decode(rest)?;
            match record {
                Record::Exchange(record) => answers.push((record.header.cookie, record.exchange())),
                _ => return Err("the iterator sent a record that is not its own".into()),
            }
            rest = &rest[used..];
        }
    }
    Ok(())
}
