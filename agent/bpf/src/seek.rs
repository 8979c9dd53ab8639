//! Asks the sockets that lead to a server for their newest requests.

use std::{io::Read as _, net::IpAddr};

use aya::maps::HashMap;
use whohungup_ebpf::{
    decode::{Record, decode},
    exchange::ExchangeRecord,
    sought::{MAX_PLACES, Place},
};
use zerocopy::IntoBytes as _;

use super::{
    error::{ProbeError, chain},
    load::Probes,
    namespaces,
    sockets::namespace_id,
};
use whohungup_core::connection::Sought;

pub(super) const PROGRAM: &str = "seek_requests";
const MAP: &str = "SOUGHT";
/// Bytes of [`Place`], which is what the map takes.
type Key = [u8; size_of::<Place>()];
/// Answers that are read for one question: a pool's connections.
const MAX_ANSWERS: usize = 1024;

// include/linux/socket.h
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

impl Probes {
    /// The state of every client socket to one of the servers `sought` whose newest request began since then. Needs the
    /// HTTP tier.
    ///
    /// # Errors
    /// When the map cannot be written or the agent's own namespace cannot be walked.
    pub fn seek(&mut self, sought: &[Sought]) -> Result<Vec<ExchangeRecord>, ProbeError> {
        let asked: Vec<(Key, u32)> = sought.iter().flat_map(keys).take(MAX_PLACES).collect();
        self.ask(&asked, true)?;
        let own = namespace_id();
        let mut answers = Vec::new();
        let mut outcome = Ok(());
        for (netns, file) in namespaces::all() {
            if !sought.iter().any(|sought| u64::from(sought.netns) == netns) {
                continue;
            }
            let opened =
                if Some(netns) == own { self.iterate(PROGRAM) } else { self.iterate_in(PROGRAM, &file) };
            if let Err(reason) = opened.and_then(|records| read(records, &mut answers)) {
                outcome = Err(ProbeError::Walk { netns, reason });
            }
        }
        self.ask(&asked, false)?;
        outcome.map(|()| answers)
    }

    fn ask(&mut self, asked: &[(Key, u32)], begins: bool) -> Result<(), ProbeError> {
        let failed = |reason| ProbeError::Map { map: MAP, reason };
        let map = self.ebpf.map_mut(MAP).ok_or(ProbeError::NoMap(MAP))?;
        let mut map: HashMap<_, Key, u32> = map.try_into().map_err(|error| failed(chain(&error)))?;
        for (key, since) in asked {
            if begins {
                map.insert(key, since, 0).map_err(|error| failed(chain(&error)))?;
            } else {
                // Asked for twice, it has gone already.
                let _ = map.remove(key);
            }
        }
        Ok(())
    }
}

/// What sockets of either family may call the place.
fn keys(sought: &Sought) -> Vec<(Key, u32)> {
    let place = |family, address| {
        let place = Place { address, port_be: sought.server.port().to_be(), family, netns: sought.netns };
        let mut key = Key::default();
        key.copy_from_slice(place.as_bytes());
        (key, sought.since)
    };
    match sought.server.ip() {
        IpAddr::V4(address) => {
            let mut padded = [0; 16];
            padded[..4].copy_from_slice(&address.octets());
            vec![place(AF_INET, padded), place(AF_INET6, address.to_ipv6_mapped().octets())]
        }
        IpAddr::V6(address) => vec![place(AF_INET6, address.octets())],
    }
}

fn read(mut records: std::fs::File, answers: &mut Vec<ExchangeRecord>) -> Result<(), String> {
    let mut bytes = vec![0; 64 * size_of::<ExchangeRecord>()];
    while answers.len() < MAX_ANSWERS {
        let got = records.read(&mut bytes).map_err(|error| error.to_string())?;
        if got == 0 {
            break;
        }
        let mut rest = &bytes[..got];
        while !rest.is_empty() {
            let (record, used) = decode(rest).map_err(|error| error.to_string())?;
            match record {
                Record::Exchange(record) => answers.push(*record),
                _ => return Err("the iterator sent a record that is not its own".to_owned()),
            }
            rest = &rest[used..];
        }
    }
    Ok(())
}
