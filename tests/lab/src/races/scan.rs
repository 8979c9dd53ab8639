//! Segments out of nothing: what scanners send, and what is left of connections that others have forgotten.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener},
    thread,
};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Ended, network::Network, plan::Wire};
use crate::truth::Side;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PUSH_ACK: u8 = 0x18;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;
/// include/uapi/linux/in.h: the sender writes the IP header.
const IPPROTO_RAW: i32 = 255;
/// Ports of servers that have gone to be scanned, on each wire.
const SCANNED: usize = 100;
const REQUEST: &[u8] = b"GET /scan HTTP/1.1\r\nHost: lab\r\n\r\n";

/// Scans an open port and the ports of servers that have gone, from the address of a client of theirs: nothing of it
/// belongs to any connection.
pub(super) fn all(network: &Network, ended: &[Ended], seed: u64) -> Result<usize> {
    let mut sent = 0;
    for wire in [Wire::Loopback, Wire::Delay, Wire::DelayWithoutTimeWait] {
        let of_wire = ended.iter().filter(|(play, ..)| play.wire == wire);
        let gone = of_wire.rev().take(SCANNED).map(|(_, client, _)| client);
        let (clients, mut targets): (Vec<_>, Vec<_>) =
            gone.map(|client| (client.local, client.remote)).unzip();
        let Some(SocketAddr::V4(from)) = clients.first().copied() else { continue };
        let listen = || TcpListener::bind(Network::server(wire)).context("listen for a scan");
        let open = network.at(wire, Side::Server, listen)?;
        targets.push(open.local_addr().context("name a listener")?);
        let targets: Vec<_> = targets
            .into_iter()
            .filter_map(|target| match target {
                SocketAddr::V4(target) => Some(target),
                SocketAddr::V6(_) => None,
            })
            .collect();
        sent += network.at(wire, Side::Client, || scan(*from.ip(), &targets, seed))?;
        // Until the last has come to the other end.
        thread::sleep(2 * testserver::SlowWire::DELAY);
    }
    Ok(sent)
}

/// Sends to each target, from ports that nobody has, one of every kind. Returns how many.
fn scan(from: Ipv4Addr, targets: &[SocketAddrV4], seed: u64) -> Result<usize> {
    let mut rng = Rng::with_seed(seed);
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))
        .context("open a raw socket (needs root)")?;
    let mut sent = 0;
    for target in targets {
        for (flags, payload) in
            [(SYN, &b""[..]), (ACK, b""), (RST, b""), (FIN_ACK, b""), (PUSH_ACK, REQUEST), (SYN, REQUEST)]
        {
            let source = SocketAddrV4::new(from, rng.u16(1024..10_000));
            let packet = packet(source, *target, flags, (rng.u32(..), rng.u32(..)), payload);
            socket.send_to(&packet, &(*target).into()).context("send a segment out of nothing")?;
            sent += 1;
        }
    }
    Ok(sent)
}

/// An IPv4 packet with one segment; `position` is its sequence and acknowledgment number.
fn packet(from: SocketAddrV4, to: SocketAddrV4, flags: u8, position: (u32, u32), payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::with_capacity(20 + payload.len());
    tcp.extend(from.port().to_be_bytes());
    tcp.extend(to.port().to_be_bytes());
    tcp.extend(position.0.to_be_bytes());
    tcp.extend(position.1.to_be_bytes());
    // Five words of header, the flags, a window of 1024, no checksum yet, nothing urgent.
    tcp.extend([0x50, flags, 0x04, 0, 0, 0, 0, 0]);
    tcp.extend(payload);
    let mut pseudo = Vec::with_capacity(12 + tcp.len());
    pseudo.extend(from.ip().octets());
    pseudo.extend(to.ip().octets());
    pseudo.extend([0, 6]);
    pseudo.extend((tcp.len() as u16).to_be_bytes());
    pseudo.extend(&tcp);
    let sum = checksum(&pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    // The kernel fills in length and checksum of the IP header.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(tcp);
    packet
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| low.into())).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_summed_with_its_checksum_gives_nothing() {
        let (from, to) = ("127.1.2.3:4000".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        for payload in [&b""[..], b"odd", REQUEST] {
            let packet = packet(from, to, PUSH_ACK, (u32::MAX, 7), payload);
            let tcp = &packet[20..];
            let mut pseudo = [packet[12..20].to_vec(), vec![0, 6]].concat();
            pseudo.extend((tcp.len() as u16).to_be_bytes());
            pseudo.extend(tcp);

            assert_eq!(checksum(&pseudo), 0, "{payload:?}");
        }
    }
}
