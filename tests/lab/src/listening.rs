//! Whether a port is listened at, without a connection that would be seen.

use std::{fs, net::SocketAddr};

use anyhow::{Context as _, Result};
use socket2::{Domain, Socket, Type};

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

/// Whether a listener can be bound to this address.
pub(crate) fn is_free(at: SocketAddr) -> bool {
    // Never listens: a program that another thread starts at this moment holds the socket until its exec, and one
    // that listened would keep the real listener out (inet_csk_bind_conflict, Linux 6.18 net/ipv4/inet_connection_sock.c).
    Socket::new(Domain::for_address(at), Type::STREAM, None)
        .and_then(|socket| socket.set_reuse_address(true).and_then(|()| socket.bind(&at.into())))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        process::Command,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    /// At once, but for the programs that other tests start, which hold a listener until their exec.
    fn comes_true(is_so: impl Fn() -> bool) -> bool {
        (0..1000).any(|_| {
            is_so() || {
                thread::sleep(Duration::from_millis(1));
                false
            }
        })
    }

    #[test]
    fn an_address_is_free_until_somebody_listens_at_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap();

        assert!(!is_free(at));
        drop(listener);
        assert!(comes_true(|| is_free(at)));
    }

    #[test]
    fn an_address_that_is_free_can_be_bound_while_programs_are_started() {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    Command::new("true").status().unwrap();
                }
            });
            let refused = (0..20_000).find_map(|round| {
                let at = ([127, 104, 1, 1], 12_000 + round % 20_000).into();
                is_free(at).then(|| TcpListener::bind(at).err())?
            });
            done.store(true, Ordering::Relaxed);
            assert!(refused.is_none(), "{refused:?}");
        });
    }

    #[test]
    fn a_port_is_bound_while_somebody_listens_at_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();

        assert!(is_bound(port).unwrap());
        drop(listener);
        assert!(comes_true(|| !is_bound(port).unwrap()));
    }
}
