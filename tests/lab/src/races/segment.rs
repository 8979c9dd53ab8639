//! What the headers of one segment say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const TCP: u8 = 6;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    /// `None` without the ACK flag.
    pub(super) ack: Option<u32>,
    /// Payload, bytes.
    pub(super) len: u32,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

impl Segment {
    /// Reads a packet from its IP header on; `None` when it is no TCP segment.
    pub(super) fn parse(packet: &[u8]) -> Option<Self> {
        let (from, to, tcp, total) = match packet.first()? >> 4 {
            4 => {
                let header = usize::from(packet[0] & 0x0f) * 4;
                if packet.get(9) != Some(&TCP) {
                    return None;
                }
                let ip = |at| -> Option<IpAddr> {
                    let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
                    Some(Ipv4Addr::from(octets).into())
                };
                let total = usize::from(half(packet, 2)?);
                (ip(12)?, ip(16)?, packet.get(header..)?, total.checked_sub(header)?)
            }
            6 => {
                if packet.get(6) != Some(&TCP) {
                    return None;
                }
                let ip = |at| -> Option<IpAddr> {
                    let octets: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
                    Some(Ipv6Addr::from(octets).into())
                };
                (ip(8)?, ip(24)?, packet.get(40..)?, usize::from(half(packet, 4)?))
            }
            _ => return None,
        };
        let flags = *tcp.get(13)?;
        let header = usize::from(tcp[12] >> 4) * 4;
        Some(Self {
            from: SocketAddr::new(from, half(tcp, 0)?),
            to: SocketAddr::new(to, half(tcp, 2)?),
            seq: word(tcp, 4)?,
            ack: (flags & ACK != 0).then_some(word(tcp, 8)?),
            len: u32::try_from(total.checked_sub(header)?).ok()?,
            syn: flags & SYN != 0,
            fin: flags & FIN != 0,
            rst: flags & RST != 0,
        })
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0x1f, 0x90, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, flags, 0, 0, 0, 0, 0, 0];
        tcp.extend_from_slice(payload);
        tcp
    }

    #[test]
    fn an_ipv4_segment_is_read_with_its_payload_and_without_padding() {
        let tcp = tcp(ACK | FIN, b"abc");
        let mut packet = vec![0x45, 0, 0, 43, 0, 0, 0, 0, 64, TCP, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
        packet.extend_from_slice(&tcp);
        packet.extend_from_slice(&[0; 5]);

        let segment = Segment::parse(&packet).unwrap();

        assert_eq!(segment.from, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(segment.to, "127.0.0.2:80".parse().unwrap());
        assert_eq!((segment.seq, segment.ack, segment.len), (7, Some(9), 3));
        assert_eq!((segment.syn, segment.fin, segment.rst), (false, true, false));
    }

    #[test]
    fn an_ipv6_segment_is_read() {
        let tcp = tcp(SYN, b"");
        let mut packet = vec![0x60, 0, 0, 0, 0, 20, TCP, 64];
        packet.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        packet.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        packet.extend_from_slice(&tcp);

        let segment = Segment::parse(&packet).unwrap();

        assert_eq!(segment.to, "[::1]:80".parse().unwrap());
        assert_eq!((segment.ack, segment.len, segment.syn), (None, 0, true));
    }

    #[test]
    fn what_is_cut_short_or_no_segment_is_nothing() {
        let mut packet = vec![0x45, 0, 0, 43, 0, 0, 0, 0, 64, TCP, 0, 0, 127, 0, 0, 1, 127, 0, 0, 2];
        packet.extend_from_slice(&tcp(ACK, b"abc"));
        for len in 0..40 {
            let _some = Segment::parse(&packet[..len]);
        }
        packet[9] = 17;
        assert_eq!(Segment::parse(&packet), None);
        assert_eq!(Segment::parse(&[0x10; 60]), None);
    }
}
