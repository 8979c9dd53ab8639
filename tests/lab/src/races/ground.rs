//! Where plays take place: loopback, and network namespaces with slow wires between them, one pair of them
//! without time-wait sockets.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::MetadataExt as _,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use testserver::SlowWire;

use super::{
    capture::{Capture, Watched},
    plan::{Play, Wire},
};

/// On loopback two networks of 127.0.0.0/8 are the run's own, chosen by its process number: several may run at once.
const FIRST_NETWORK: u8 = 64;
const NETWORKS: u32 = 64;
const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 50_000;

#[derive(Debug)]
pub(super) struct Ground {
    delay: Arc<SlowWire>,
    without_time_wait: Arc<SlowWire>,
    /// For one of its namespaces: nobody else's ports are in use there.
    alone: Arc<SlowWire>,
}

impl Ground {
    pub(super) fn new() -> Result<Self> {
        let delay = SlowWire::start().context("make a slow wire")?.into();
        let without_time_wait: Arc<SlowWire> = SlowWire::start().context("make a slow wire")?.into();
        let alone = SlowWire::start().context("make a namespace")?.into();
        let ground = Self { delay, without_time_wait, alone };
        std::thread::scope(|scope| {
            let ends = [SlowWire::enter_client, SlowWire::enter_server];
            let set = ends.map(|enter| {
                let wire = &ground.without_time_wait;
                scope.spawn(move || -> Result<()> {
                    enter(wire)?;
                    fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0")
                        .context("forbid time-wait sockets")
                })
            });
            set.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_panic| anyhow::anyhow!("a namespace could not be set up"))?
            })
        })?;
        Ok(ground)
    }

    fn slow(&self, wire: Wire) -> Option<&Arc<SlowWire>> {
        match wire {
            Wire::Loopback => None,
            Wire::LoopbackV6 => Some(&self.alone),
            Wire::Delay => Some(&self.delay),
            Wire::DelayWithoutTimeWait => Some(&self.without_time_wait),
        }
    }

    /// Moves the calling thread to where clients are.
    pub(super) fn enter_client(&self, wire: Wire) -> Result<()> {
        self.slow(wire).map_or(Ok(()), |slow| slow.enter_client()).context("go to the client's end")
    }

    /// Moves the calling thread to where servers are.
    pub(super) fn enter_server(&self, wire: Wire) -> Result<()> {
        let enter = if wire == Wire::LoopbackV6 { SlowWire::enter_client } else { SlowWire::enter_server };
        self.slow(wire).map_or(Ok(()), |slow| enter(slow)).context("go to the server's end")
    }

    /// Where the play's server listens: any port of this.
    pub(super) fn server(wire: Wire) -> SocketAddr {
        let ip = match wire {
            Wire::Loopback => IpAddr::V4(Ipv4Addr::new(127, server_network(), 0, 1)),
            Wire::LoopbackV6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Wire::Delay | Wire::DelayWithoutTimeWait => IpAddr::V4(SlowWire::SERVER),
        };
        SocketAddr::new(ip, 0)
    }

    /// What the play's client binds: no other client of the run has the same.
    pub(super) fn client(play: &Play) -> SocketAddr {
        let [_, _, high, low] = play.index.to_be_bytes();
        let port = (FIRST_PORT + play.index % PORTS) as u16;
        match play.wire {
            Wire::Loopback => (Ipv4Addr::new(127, client_network(), high, low), 0).into(),
            Wire::LoopbackV6 => (Ipv6Addr::LOCALHOST, port).into(),
            Wire::Delay | Wire::DelayWithoutTimeWait => (SlowWire::CLIENT, port).into(),
        }
    }

    /// The network namespaces of the client and of the server, by inode number.
    pub(super) fn namespaces(&self, wire: Wire) -> Result<[u64; 2]> {
        let ends: [fn(&Self, Wire) -> Result<()>; 2] = [Self::enter_client, Self::enter_server];
        let mut found = [0; 2];
        for (enter, found) in ends.into_iter().zip(&mut found) {
            *found = std::thread::scope(|scope| {
                let looking = scope.spawn(|| -> Result<u64> {
                    enter(self, wire)?;
                    let namespace =
                        fs::metadata("/proc/thread-self/ns/net").context("look at the network namespace")?;
                    Ok(namespace.ino())
                });
                looking.join().map_err(|_panic| anyhow::anyhow!("nobody looked at the namespace"))?
            })?;
        }
        Ok(found)
    }

    /// Whether on loopback only this run uses the address.
    pub(super) fn owns(ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        let [first, network, ..] = ip.octets();
        first == 127 && (network == client_network() || network == server_network())
    }

    /// Begins to capture at the clients' ends.
    pub(super) fn capture(&self, watched: &Watched) -> Result<Vec<Capture>> {
        let delay = Arc::clone(&self.delay);
        let without = Arc::clone(&self.without_time_wait);
        let alone = Arc::clone(&self.alone);
        Ok(vec![
            Capture::start(watched.clone(), || Ok(()))?,
            Capture::start(watched.clone(), move || Ok(delay.enter_client()?))?,
            Capture::start(watched.clone(), move || Ok(without.enter_client()?))?,
            Capture::start(watched.clone(), move || Ok(alone.enter_client()?))?,
        ])
    }
}

fn client_network() -> u8 {
    FIRST_NETWORK + (std::process::id() % NETWORKS) as u8
}

fn server_network() -> u8 {
    client_network() + NETWORKS as u8
}
