//! The slow wire for scripts of others: two network namespaces that a thread may move into.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{PlayError, Step as _};
use crate::relay::Relay;
use crate::worker::Worker;

/// Two network namespaces and a relay in user space between them. Dropping it ends the relay.
///
/// Needs CAP_SYS_ADMIN, CAP_NET_ADMIN and `/dev/net/tun`.
#[derive(Debug)]
pub struct SlowWire {
    _relay: Relay,
    _client: Worker,
    _server: Worker,
    client: File,
    server: File,
}

impl SlowWire {
    /// The server's address.
    pub const SERVER: Ipv4Addr = Relay::SERVER;
    /// The client's address.
    pub const CLIENT: Ipv4Addr = Relay::CLIENT;
    /// What the device is called at either end.
    pub const DEVICE: &str = Relay::DEVICE;
    /// How long a packet takes from one namespace to the other, at least.
    pub const DELAY: Duration = Relay::DELAY;

    /// Makes the namespaces and the wire.
    ///
    /// # Errors
    /// When the machine does not offer what it needs.
    pub fn start() -> Result<Self, PlayError> {
        let (relay, client, server) = Relay::start()?;
        let namespace = |worker: &Worker| {
            worker.run(|| File::open("/proc/thread-self/ns/net").step("open a network namespace"))
        };
        let (client_namespace, server_namespace) = (namespace(&client)?, namespace(&server)?);
        Ok(Self {
            _relay: relay,
            _client: client,
            _server: server,
            client: client_namespace,
            server: server_namespace,
        })
    }

    /// Moves the calling thread to the client's end.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter_client(&self) -> Result<(), PlayError> {
        enter(&self.client)
    }

    /// Moves the calling thread to the server's end.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter_server(&self) -> Result<(), PlayError> {
        enter(&self.server)
    }
}

fn enter(namespace: &File) -> Result<(), PlayError> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .step("enter a network namespace")
}
