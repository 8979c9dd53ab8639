//! A case as it runs: programs, pools and scripted servers, until the timer has ended every connection.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::Program;

use super::{
    cases::{Case, LOOK, Wanted},
    compare::Observed,
    origin::Origin,
};
use crate::{kit::Kit, launch::Setting, truth::Side};

/// How often a client asks at all of its connections.
pub(super) const ROUNDS: usize = 3;
const GAP_MS: usize = 300;

/// How long a client takes at most, before it asks, on a machine that starts many.
const START_UP: Duration = Duration::from_secs(10);

/// Of a real client that faces a real server: what ends at one moment is one piece of evidence, and where both timers are
/// due it is chance which of them gives it.
const REPLICAS: usize = 12;
const BETWEEN_REPLICAS: Duration = Duration::from_millis(300);

/// A server lives on after its last connection.
const OUTLIVES: Duration = Duration::from_secs(1);

/// A case that can be begun.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The server's address, real or scripted.
    pub(super) at: SocketAddr,
    directory: PathBuf,
    server: Option<Command>,
    clients: Vec<Command>,
    origin: Option<Origin>,
}

impl Case {
    /// Compiles and writes what it takes.
    pub(super) fn prepare(&self, kit: &Kit) -> Result<Prepared> {
        let setting = Setting::anywhere(kit)?;
        let (at, directory) = (setting.at, setting.directory.clone());
        let mut prepared = Prepared { at, directory, server: None, clients: Vec::new(), origin: None };
        if let Some(server) = &self.server {
            prepared.server = Some(server.command(kit, &setting)?);
        }
        let Some(client) = &self.client else { return Ok(prepared) };
        if self.server.is_none() {
            prepared.origin = Some(Origin::start(at, self.hosts, self.hint)?);
        }
        let hosts = prepared.origin.as_ref().map_or_else(|| vec![at], |origin| origin.at.clone());
        let urls: Vec<_> = hosts.iter().map(|at| format!("http://{at}/")).collect();
        let asking = format!("{} {ROUNDS} {GAP_MS} {}", self.at_once, urls.join(" "));
        let setting = setting.with("asking", asking);
        for _ in 0..if self.server.is_some() { REPLICAS } else { 1 } {
            prepared.clients.push(client.command(kit, &setting)?);
        }
        Ok(prepared)
    }

    /// Returns every connection that a script saw the end of.
    pub(super) fn play(
        &self,
        prepared: Prepared,
        wanted: &Wanted,
        stop: &AtomicBool,
    ) -> Result<Vec<Observed>> {
        let Prepared { at, directory, server, clients, origin } = prepared;
        let start = |mut command: Command, name: &str| Program::start(&mut command, &directory, name);
        let mut server = server.map(|command| start(command, "server")).transpose()?;
        if let Some(server) = &mut server {
            server.await_listening(at)?;
        }
        let mut running = Vec::new();
        for (number, command) in clients.into_iter().enumerate() {
            running.push(start(command, &format!("client-{number}"))?);
            pause(BETWEEN_REPLICAS, stop)?;
        }
        match (self.scripted(), origin) {
            (Some(Side::Client), _) => {
                // Where no timer is expected the pool begins to close long before the time that one is looked for.
                let patience = wanted.timer.as_ref().map_or(LOOK / 10, |_| wanted.lasts());
                let timer = wanted.timer.as_ref().map(|timer| timer.seconds);
                let seen = self.pool().play(at, patience, timer, stop);
                // A server that ends with its last connection has shut down.
                pause(OUTLIVES, stop)?;
                seen
            }
            (_, Some(origin)) => {
                watch(&origin, wanted, stop)?;
                let (ended, open) = origin.counts();
                ensure!(ended + open > 0, "the client asked nothing: {}", said(&running));
                origin.cut();
                drop(running);
                origin.finish()
            }
            _ => {
                pause(START_UP + wanted.lasts(), stop)?;
                Ok(Vec::new())
            }
        }
    }
}

fn said(programs: &[Program]) -> String {
    programs.iter().map(Program::said).collect::<Vec<_>>().join("; ")
}

/// Waits until the client has closed all its connections, or until it never will.
fn watch(origin: &Origin, wanted: &Wanted, stop: &AtomicBool) -> Result<()> {
    let start_up = Instant::now() + START_UP;
    while origin.counts() == (0, 0) && Instant::now() < start_up {
        pause(Duration::from_millis(50), stop)?;
    }
    let until = Instant::now() + wanted.lasts();
    while Instant::now() < until && !(origin.counts().0 > 0 && origin.counts().1 == 0) {
        pause(Duration::from_millis(100), stop)?;
    }
    Ok(())
}

fn pause(time: Duration, stop: &AtomicBool) -> Result<()> {
    let until = Instant::now() + time;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(200)));
    }
    Err(anyhow::anyhow!("stopped")).context("wait for the timers")
}
