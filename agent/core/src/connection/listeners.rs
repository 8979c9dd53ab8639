//! Who listens where: the role of old sockets, and the program behind a server's socket.

use std::net::SocketAddr;

use hashbrown::HashMap;

use crate::identity::Process;

/// Listening sockets by namespace and port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: HashMap<(u32, u16), Vec<Listener>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Listener {
    cookie: u64,
    address: SocketAddr,
    pub(super) owner: Option<Process>,
}

/// More listeners on one port than this (SO_REUSEPORT workers) are all the same program.
const MAX_PER_PORT: usize = 64;

impl Listeners {
    pub(super) fn began(&mut self, netns: u32, cookie: u64, address: SocketAddr, owner: Option<Process>) {
        let here = self.by_port.entry((netns, address.port())).or_default();
        // A walk over the sockets may know less than the record of the same listener that came before it.
        let known = here.iter().find(|known| known.cookie == cookie).and_then(|known| known.owner);
        here.retain(|known| known.cookie != cookie);
        if here.len() < MAX_PER_PORT {
            here.push(Listener { cookie, address, owner: owner.or(known) });
        }
    }

    pub(super) fn ended(&mut self, netns: u32, cookie: u64, port: u16) {
        if let Some(here) = self.by_port.get_mut(&(netns, port)) {
            here.retain(|known| known.cookie != cookie);
            if here.is_empty() {
                self.by_port.remove(&(netns, port));
            }
        }
    }

    /// What listens at `local`.
    pub(super) fn at(&self, netns: u32, local: SocketAddr) -> Option<&Listener> {
        let here = self.by_port.get(&(netns, local.port()))?;
        let exact = here.iter().find(|known| known.address.ip() == local.ip());
        let wild = || here.iter().find(|known| known.address.ip().is_unspecified());
        exact.or_else(wild)
    }

    pub(super) fn len(&self) -> usize {
        self.by_port.values().map(Vec::len).sum()
    }
}
