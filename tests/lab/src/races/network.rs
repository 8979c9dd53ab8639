//! Where plays take place: loopback, and network namespaces with slow wires between them, one pair of them
//! without time-wait sockets.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    thread,
};

use anyhow::{Context as _, Result, anyhow};
use testserver::SlowWire;

use super::plan::{Play, Wire};
use crate::{
    kit::Kit,
    suite::own_namespace,
    truth::Side,
    wiretap::capture::{Capture, Place},
};

/// On loopback two networks of 127.0.0.0/8 are the run's own, chosen by its process number: several may run at once.
const FIRST_NETWORK: u8 = 64;
const NETWORKS: u32 = 64;
const FIRST_PORT: u32 = 10_000;
const PORTS: u32 = 50_000;

#[derive(Debug)]
pub(super) struct Network {
    delay: SlowWire,
    without_time_wait: SlowWire,
    /// For one of its namespaces: nobody else's ports are in use there.
    alone: SlowWire,
}

impl Network {
    pub(super) fn new() -> Result<Self> {
        let start = || SlowWire::start().context("make a slow wire");
        let network = Self { delay: start()?, without_time_wait: start()?, alone: start()? };
        for side in Side::BOTH {
            network.at(Wire::DelayWithoutTimeWait, side, || {
                fs::write("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0").context("forbid time-wait sockets")
            })?;
        }
        Ok(network)
    }

    /// Moves the calling thread to where clients or servers are.
    pub(super) fn enter(&self, wire: Wire, side: Side) -> Result<()> {
        let entered = match (wire, side) {
            (Wire::Loopback, _) => Ok(()),
            (Wire::LoopbackV6, _) => self.alone.enter_client(),
            (Wire::Delay, Side::Client) => self.delay.enter_client(),
            (Wire::Delay, Side::Server) => self.delay.enter_server(),
            (Wire::DelayWithoutTimeWait, Side::Client) => self.without_time_wait.enter_client(),
            (Wire::DelayWithoutTimeWait, Side::Server) => self.without_time_wait.enter_server(),
        };
        entered.with_context(|| format!("go to the {}'s end", side.word()))
    }

    /// Does something on a thread that is where clients or servers are.
    pub(super) fn at<T: Send>(
        &self,
        wire: Wire,
        side: Side,
        act: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                self.enter(wire, side)?;
                act()
            });
            there.join().map_err(|_panic| anyhow!("a thread at the end of a wire panicked"))?
        })
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
        let look = |side| self.at(wire, side, || Ok(own_namespace()));
        Ok([look(Side::Client)?, look(Side::Server)?])
    }

    /// Whether on loopback only this run uses the address.
    pub(super) fn owns(ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        let [first, network, ..] = ip.octets();
        first == 127 && (network == client_network() || network == server_network())
    }

    /// Begins to capture at the clients' end.
    pub(super) fn capture(&self, kit: &Kit, wire: Wire) -> Result<Capture> {
        let interface = if wire.is_slow() { SlowWire::DEVICE } else { "lo" };
        let filter = match wire {
            Wire::Loopback => format!("tcp and net 127.{}.0.0/16", client_network()),
            _ => "tcp".to_owned(),
        };
        let place = Place { namespace: None, interface };
        self.at(wire, Side::Client, || Capture::start(kit, place, &filter))
    }
}

fn client_network() -> u8 {
    FIRST_NETWORK + (std::process::id() % NETWORKS) as u8
}

fn server_network() -> u8 {
    client_network() + NETWORKS as u8
}
