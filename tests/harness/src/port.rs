//! Ports of a test's own.
//!
//! The agent tells endpoints by their ports, and filters by them. So no port is given out that the kernel gives to
//! somebody's client, nor one at which somebody listens on another address.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Context as _, Result};
use socket2::{Domain, Socket, Type};

/// Below what Linux gives to clients (ip_local_port_range, 32768 to 60999).
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Two test processes at once begin so far from each other.
const APART: u16 = 250;

/// `TCP_LISTEN` as /proc/net/tcp writes it.
const LISTEN: &str = "0A";

/// An address at which nothing listens, with a port that no other socket of the host has.
pub fn free(host: impl Into<IpAddr>) -> Result<SocketAddr> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let host = host.into();
    let first = (std::process::id() % 64) as u16 * APART;
    for _ in PORTS {
        let number = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + number % PORTS.len() as u16;
        if is_free((host, port).into()) && is_free((Ipv4Addr::UNSPECIFIED, port).into()) {
            return Ok((host, port).into());
        }
    }
    anyhow::bail!("every port from {} to {} is in use", PORTS.start, PORTS.end)
}

/// A listener at a port that no other socket of the host has.
pub fn listen(host: impl Into<IpAddr>) -> Result<TcpListener> {
    let at = free(host)?;
    TcpListener::bind(at).with_context(|| format!("listen at {at}"))
}

/// Whether somebody listens at the port, on any address of the calling thread's network namespace. Makes no
/// connection, which would be seen.
pub fn is_bound(port: u16) -> Result<bool> {
    let wanted = format!(":{port:04X}");
    for table in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        let text = match fs::read_to_string(table) {
            // A kernel without IPv6.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            text => text.with_context(|| format!("read {table}"))?,
        };
        let is_there = text.lines().any(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            let local = words.next().unwrap_or_default();
            local.ends_with(&wanted) && words.nth(1) == Some(LISTEN)
        });
        if is_there {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a listener can be bound to this address.
pub fn is_free(at: SocketAddr) -> bool {
    // Never listens: a program that another thread starts at this moment holds the socket until its exec, and one
    // that listened would keep the real listener out (inet_csk_bind_conflict, Linux 6.18 net/ipv4/inet_connection_sock.c).
    Socket::new(Domain::for_address(at), Type::STREAM, None)
        .and_then(|socket| socket.set_reuse_address(true).and_then(|()| socket.bind(&at.into())))
        .is_ok()
}

#[cfg(test)]
mod tests;
