//! SOCK_DESTROY, as `ss -K` does it: ends one TCP socket by its addresses, through netlink.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::PlayError;

/// The header that every netlink message begins with.
const HEADER: usize = 16;
/// `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
const SOCK_DESTROY: u16 = 21;

/// Ends the socket that has these addresses, in the namespace of the calling thread.
pub(crate) fn socket(local: SocketAddr, remote: SocketAddr) -> Result<(), PlayError> {
    request(local, remote).map_err(|reason| PlayError::Missing {
        what: "destroy a socket with SOCK_DESTROY",
        remedy: "Run as root, or with CAP_NET_ADMIN, on a kernel with CONFIG_INET_DIAG_DESTROY (and tcp_diag loaded)",
        reason,
    })
}

fn request(local: SocketAddr, remote: SocketAddr) -> io::Result<()> {
    let protocol = Protocol::from(libc::NETLINK_SOCK_DIAG);
    let mut netlink = Socket::new(Domain::from(libc::AF_NETLINK), Type::DGRAM, Some(protocol))?;
    netlink.set_read_timeout(Some(std::time::Duration::from_secs(2)))?;
    netlink.send(&message(local, remote))?;
    let mut answer = [0; 256];
    let size = netlink.read(&mut answer)?;
    let code = answer.get(HEADER..HEADER + 4).filter(|_| size >= HEADER + 4);
    match code.and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn message(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + REQUEST);
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    message.extend(((HEADER + REQUEST) as u32).to_ne_bytes());
    message.extend(SOCK_DESTROY.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // The sequence number and the port, which one question at a time does not need.
    message.extend([0; 8]);

    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // Family, protocol, extensions, padding; then the states, of which any will do.
    message.extend([family as u8, libc::IPPROTO_TCP as u8, 0, 0]);
    message.extend(u32::MAX.to_ne_bytes());
    message.extend(local.port().to_be_bytes());
    message.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        let mut octets = [0; 16];
        match address {
            IpAddr::V4(v4) => octets[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => octets = v6.octets(),
        }
        message.extend(octets);
    }
    // Any interface, any cookie (INET_DIAG_NOCOOKIE).
    message.extend([0; 4]);
    message.extend([0xff; 8]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_kernels_layout() {
        let local = SocketAddr::from(([127, 0, 0, 9], 80));
        let remote = SocketAddr::from(([127, 0, 0, 8], 4096));
        let message = message(local, remote);
        assert_eq!(message.len(), HEADER + REQUEST);
        assert_eq!(message[24..28], [0, 80, 16, 0]);
        assert_eq!(message[28..32], [127, 0, 0, 9]);
        assert_eq!(message[44..48], [127, 0, 0, 8]);
    }
}
