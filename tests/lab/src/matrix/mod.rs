//! Many servers by many clients, all of them real: who ends the connection, and in which phase, is decided by their own
//! time-outs, pools, signals and chance. The truth of every close is what a capture proves (`wiretap`); the configuration,
//! the servers' logs and the clients' own outcomes are held against it (`witness`).

mod catalogue;
mod clients;
mod experience;
mod instance;
mod logs;
mod part;
mod place;
mod plan;
mod play;
mod playing;
mod raw;
mod scenario;
mod servers;
mod table;
mod witness;

use std::{
    collections::{HashSet, VecDeque},
    io,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

pub use self::table::Table;
use self::{part::Part, play::Played, playing::Present, servers::Server, witness::Heard};
use crate::{
    agent::Agent,
    kit::{Kit, Need},
    run::{absence, chosen, is_ci, own_namespace},
    truth::Phase,
    wiretap::{
        capture::{self, Capture, Place},
        compare::{self, Close, Judged},
        truth::{Decided, Truth},
    },
};

/// Servers that are played at once.
const AT_ONCE: usize = 2;
/// The slowest close to be reported is one whose peer leaves it lying, 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(12);

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Where the virtual environment, npm's packages and compilers' caches are kept.
    pub state: PathBuf,
    /// Only servers whose name contains one of these.
    pub servers: Vec<String>,
    /// Only clients whose name contains one of these.
    pub clients: Vec<String>,
    /// Where the capture and what the agent printed are kept when an end was not told right.
    pub keep: PathBuf,
    /// Set from outside: everything ends.
    pub stop: Arc<AtomicBool>,
}

/// A server or client of the tables.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: &'static str,
    /// The version, or why it was not played.
    pub version: Result<String, String>,
    /// What a reader of the tables has to know of it.
    pub remarks: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub servers: Vec<Line>,
    pub clients: Vec<Line>,
    pub(crate) closes: Vec<Ended>,
    pub(crate) judged: Vec<Judged>,
    /// Connections of which the capture does not prove how they ended, by the reason.
    pub(crate) undecided: Vec<(&'static str, String)>,
    pub(crate) heard: Heard,
    /// What did not go as planned.
    pub strays: Vec<String>,
    /// Packets that the capture missed.
    pub dropped: u64,
    /// What the agent said besides.
    pub notes: Vec<String>,
    pub took: Duration,
}

impl Outcome {
    /// One object per compared end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json(&self, mut out: impl io::Write) -> Result<()> {
        for end in &self.judged {
            serde_json::to_writer(&mut out, end)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

/// One close.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) server: &'static str,
    pub(crate) client: &'static str,
    pub(crate) truth: Truth,
    /// Its ends among those that are judged.
    pub(crate) ends: Range<usize>,
}

/// Plays everything while one agent watches and one capture runs, then judges it.
///
/// # Errors
/// When the agent or the capture cannot be run, or in CI software is missing.
pub fn run(options: &Options) -> Result<Outcome> {
    let began = Instant::now();
    let kit = Kit::new(options.state.clone())?;
    let (mut servers, mut clients) = (Vec::new(), Vec::new());
    let mut present_servers = VecDeque::new();
    for server in chosen_servers(options) {
        let version = version(&kit, server.needs, server.name, server.version)?;
        present_servers.extend(version.is_ok().then_some(server));
        servers.push(Line { name: server.name, version, remarks: server.remarks() });
    }
    let mut present_clients = Vec::new();
    for client in chosen_clients(options) {
        let version = version(&kit, client.needs, client.name, client.version)?;
        if version.is_ok() {
            present_clients.push(Present { client, prepared: (client.prepare)(&kit)? });
        }
        clients.push(Line { name: client.name, version, remarks: client.remarks() });
    }
    ensure!(!servers.is_empty(), "no server is called {:?}", options.servers);
    let capture = Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?;
    let agent = Agent::start(&options.agent)?;
    let played = play_all(&kit, present_servers, &present_clients, &options.stop);
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    let captured = capture.finish()?;
    let connections = place::place(&captured.flows(&kit)?, &played);
    let heard = witness::hear(&connections, &played);
    let (mut decided, mut undecided) = (Vec::new(), Vec::new());
    let open: HashSet<_> = connections
        .iter()
        .filter(|one| matches!(one.decided, Decided::Undecided(_)))
        .map(|one| (one.client, one.server))
        .collect();
    for one in connections {
        let Part { server, client, scenario, .. } = one.part;
        let label = format!("{client} at {server}: {scenario}");
        match one.decided {
            // Which of the two the agent speaks of cannot be told.
            Decided::Known(_) if open.contains(&(one.client, one.server)) => {
                undecided.push(("another connection with the same addresses is undecided", label));
            }
            Decided::Known(truth) => {
                let close = Close { label, client: one.client, server: one.server, truth };
                decided.push((server, client, close));
            }
            Decided::Undecided(why) => {
                undecided.push((why, format!("{label} ({} to {})", one.client, one.server)));
            }
        }
    }
    let closes: Vec<_> = decided.iter().map(|(_, _, close)| close.clone()).collect();
    let until = Instant::now() + REPORTED_WITHIN;
    while Instant::now() < until && !agent.look(|said| compare::all_said(&closes, said)) {
        thread::sleep(Duration::from_millis(100));
    }
    let (said, mut notes) = agent.finish()?;
    let judged = compare::judge(&closes, &said, [own_namespace()?; 2]);
    if !judged.iter().all(Judged::is_right) {
        captured.keep(&options.keep, said.printed())?;
        notes.push(format!(
            "kept for `lab explain`: {0}/wire.pcapng, {0}/closes.ndjson",
            options.keep.display()
        ));
    }
    let mut at = 0;
    let closes = decided
        .into_iter()
        .map(|(server, client, Close { truth, .. })| {
            // Of what was never made nobody knows but its client.
            let ends = at..at + if truth.phase == Phase::Connecting { 1 } else { 2 };
            at = ends.end;
            Ended { server, client, truth, ends }
        })
        .collect();
    Ok(Outcome {
        servers,
        clients,
        closes,
        judged,
        undecided,
        heard,
        strays: played.strays,
        dropped: captured.dropped,
        notes,
        took: began.elapsed(),
    })
}

fn play_all(kit: &Kit, servers: VecDeque<&'static Server>, clients: &[Present], stop: &AtomicBool) -> Played {
    let (queue, all) = (Mutex::new(servers), Mutex::new(Played::default()));
    let ids = AtomicU32::new(1);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(server) = next else { return };
                    let began = Instant::now();
                    let played = play::play(kit, server, clients, &ids, stop);
                    eprintln!("{}: {:.0} s", server.name, began.elapsed().as_secs_f64());
                    all.lock().unwrap_or_else(PoisonError::into_inner).extend(played);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What is not here is not played; in CI that is an error.
fn version(
    kit: &Kit,
    needs: &[Need],
    name: &str,
    version: fn(&Kit) -> Result<String>,
) -> Result<Result<String, String>> {
    let missing = kit.missing(needs);
    if missing.is_empty() {
        return Ok(Ok(version(kit).with_context(|| format!("ask {name} for its version"))?));
    }
    ensure!(!is_ci(), "in CI nothing is left out: {name} {}", absence(&missing));
    Ok(Err(absence(&missing)))
}

/// What is not here of what the matrix needs.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(options: &Options) -> Result<Vec<Need>> {
    let kit = Kit::new(options.state.clone())?;
    let of_servers = chosen_servers(options).flat_map(|server| server.needs);
    let of_clients = chosen_clients(options).flat_map(|client| client.needs);
    let all: Vec<_> = capture::NEEDS.iter().chain(of_servers).chain(of_clients).copied().collect();
    let mut missing = kit.missing(&all);
    missing.sort();
    missing.dedup();
    Ok(missing)
}

fn chosen_servers(options: &Options) -> impl Iterator<Item = &'static Server> {
    servers::all().into_iter().filter(|server| chosen(&options.servers, server.name))
}

fn chosen_clients(options: &Options) -> impl Iterator<Item = &'static clients::Client> {
    clients::all().into_iter().filter(|client| chosen(&options.clients, client.name))
}
