//! A slow wire between two network namespaces, for what loopback cannot do: packets that cross, and packets that
//! get lost.

mod namespace;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::error::{PlayError, Step as _};
use crate::worker::Worker;

/// The thread that carries packets, and the switches that the script turns.
#[derive(Debug)]
pub(crate) struct Relay {
    switches: Arc<Switches>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Switches {
    stop: AtomicBool,
    lose: AtomicBool,
    hold: AtomicBool,
}

impl Relay {
    /// The server's address.
    pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
    /// The client's address.
    pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
    /// What the device is called at either end.
    pub(crate) const DEVICE: &str = namespace::DEVICE;
    /// How long a packet takes from one namespace to the other.
    pub(crate) const DELAY: Duration = Duration::from_millis(Self::DELAY_MS as u64);
    /// The same in milliseconds, for plans.
    pub(crate) const DELAY_MS: u32 = 20;

    /// Makes the namespaces and the wire; returns it with the client's and the server's threads.
    pub(crate) fn start() -> Result<(Self, Worker, Worker), PlayError> {
        let (client, client_device) =
            Worker::spawn("client", || namespace::enter(Self::CLIENT, Self::SERVER))?;
        let (server, server_device) =
            Worker::spawn("server", || namespace::enter(Self::SERVER, Self::CLIENT))?;
        let switches = Arc::new(Switches::default());
        let seen = Arc::clone(&switches);
        let thread = Builder::new()
            .name("relay".to_owned())
            .spawn(move || carry([&client_device, &server_device], &seen))
            .step("start the relay")?;
        Ok((Self { switches, thread: Some(thread) }, client, server))
    }

    /// Loses every packet from now on, those under way too.
    pub(crate) fn lose_everything(&self) {
        self.switches.lose.store(true, Ordering::SeqCst);
    }

    /// Keeps every packet on the wire until [`Relay::release`], so that what is sent meanwhile is sure to cross.
    pub(crate) fn hold(&self) {
        self.switches.hold.store(true, Ordering::SeqCst);
    }

    /// Delivers what was held, and everything after it in its own time.
    pub(crate) fn release(&self) {
        self.switches.hold.store(false, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.switches.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // The scenario is over: a relay that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// Packets under way to one device, with the instants at which they are due.
type Wire = VecDeque<(Instant, Vec<u8>)>;

fn carry(devices: [&File; 2], switches: &Switches) {
    let mut wires = [Wire::new(), Wire::new()];
    while !switches.stop.load(Ordering::SeqCst) {
        wait(devices, &wires);
        let lose = switches.lose.load(Ordering::SeqCst);
        for (device, wire) in [(devices[0], 1), (devices[1], 0)] {
            let packets = receive(device);
            if !lose {
                wires[wire].extend(packets);
            }
        }
        if lose {
            wires.iter_mut().for_each(VecDeque::clear);
        }
        if switches.hold.load(Ordering::SeqCst) {
            continue;
        }
        for (device, wire) in devices.into_iter().zip(&mut wires) {
            deliver(device, wire);
        }
    }
}

fn wait(devices: [&File; 2], wires: &[Wire; 2]) {
    // The switches are looked at no later than this.
    let mut limit = Duration::from_millis(2);
    for (due, _) in wires.iter().filter_map(VecDeque::front) {
        let left = due.saturating_duration_since(Instant::now());
        // What is overdue is held: polling without a limit would spin.
        if !left.is_zero() {
            limit = limit.min(left);
        }
    }
    let limit = Timespec { tv_sec: 0, tv_nsec: limit.as_nanos() as i64 };
    let mut fds = devices.map(|device| PollFd::new(device, PollFlags::IN));
    // An interrupted poll is a short one.
    let _ = rustix::event::poll(&mut fds, Some(&limit));
}

fn receive(mut device: &File) -> Wire {
    let mut packets = Wire::new();
    let mut buffer = [0; 2048];
    loop {
        match device.read(&mut buffer) {
            Ok(size) => packets.push_back((Instant::now() + Relay::DELAY, buffer[..size].to_vec())),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return packets,
        }
    }
}

fn deliver(mut device: &File, wire: &mut Wire) {
    while wire.front().is_some_and(|(due, _)| *due <= Instant::now()) {
        if let Some((_, packet)) = wire.pop_front() {
            // A packet that the other side does not take is a packet lost, as on any wire.
            let _ = device.write(&packet);
        }
    }
}
