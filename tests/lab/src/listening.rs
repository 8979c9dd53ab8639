//! Whether a port is listened at, without a connection that would be seen.

use std::fs;

use anyhow::{Context as _, Result};

/// `TCP_LISTEN` as /proc/net/tcp writes it.
const LISTEN: &str = "0A";

/// Whether somebody listens at the port, on any address of the calling thread's network namespace.
///
/// # Errors
/// When the kernel's table cannot be read.
pub(crate) fn is_bound(port: u16) -> Result<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_bound_while_somebody_listens_at_it() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();

        assert!(is_bound(port).unwrap());
        drop(listener);
        assert!(!is_bound(port).unwrap());
    }
}
