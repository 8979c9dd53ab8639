//! Where plays take place: loopback, and network namespaces with slow wires between them, one pair of them
//! without time-wait sockets.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use testserver::SlowWire;

use super::{
    capture::{Capture, Watched},
    plan::{Play, Wire},
};

/// On loopback the server's address, and the first half of every client's; the rest is the play's number.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 178, 0, 1);
const CLIENTS: [u8; 2] = [127, 177];
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
            Wire::Loopback => IpAddr::V4(SERVER),
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
            Wire::Loopback => (Ipv4Addr::new(CLIENTS[0], CLIENTS[1], high, low), 0).into(),
            Wire::LoopbackV6 => (Ipv6Addr::LOCALHOST, port).into(),
            Wire::Delay | Wire::DelayWithoutTimeWait => (SlowWire::CLIENT, port).into(),
        }
    }

    /// Whether only the lab uses this address.
    pub(super) fn owns(ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => {
                ip == SERVER
                    || ip.octets()[..2] == CLIENTS
                    || ip == SlowWire::SERVER
                    || ip == SlowWire::CLIENT
            }
            IpAddr::V6(_) => false,
        }
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
