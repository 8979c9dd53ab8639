//! Requests at every point around a server's idle time-out, over loopback and over a slow wire: which of them were
//! lost, how, and what the agent says of both ends.
//!
//! The truth is the wire's (`capture`, `conversation`) and the two sockets' own (`client`, `server`), joined in `truth`.

mod capture;
mod client;
mod conversation;
mod ends;
mod ground;
mod judge;
mod plan;
mod scan;
mod segment;
mod server;
pub(crate) mod socket;
pub mod table;
mod truth;

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};

use self::{
    capture::Watched,
    client::{Bound, ClientLog},
    ends::Anchor,
    ground::Ground,
    judge::Played,
    plan::{Play, Scope, Twist},
    server::{Door, ServerLog},
    truth::Evidence,
};
pub use self::{judge::Judged, plan::Wire, truth::Truth};
use crate::agent::{Agent, Said};
pub use crate::order::Kind;

/// A close that its peer leaves lying is reported after 5 s; the machine may be busy.
const REPORTED_WITHIN: Duration = Duration::from_secs(10);
/// Plays at once. Most of their time both ends sleep.
const AT_ONCE: usize = 160;
const STACK: usize = 256 << 10;

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Requests after a gap; an eighth as much is played besides that is no race.
    pub requests: u32,
    pub seed: u64,
    /// Leaves out time-outs above a second and requests that come seconds after the close.
    pub hasty: bool,
    /// A tenth of the servers shut their sending side only, and throw away what comes then.
    pub lingering: bool,
    /// Set from outside: no further play is begun.
    pub stop: Arc<AtomicBool>,
}

/// A play of which the truth cannot be told.
#[derive(Debug, Clone)]
pub struct Undecided {
    pub wire: Wire,
    pub why: &'static str,
    pub play: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub judged: Vec<Judged>,
    pub undecided: Vec<Undecided>,
    /// Plays that did not go as scripted, and why.
    pub strays: Vec<String>,
    /// What was called a race among the lab's addresses, and is no play's.
    pub strangers: Vec<String>,
    /// Segments that were sent out of nothing, to ports that listen, that have listened and that never did.
    pub scanned: usize,
    /// Packets that the capture missed.
    pub dropped: u64,
    /// What the agent said besides.
    pub notes: Vec<String>,
    pub took: Duration,
}

/// Plays and judges.
///
/// # Errors
/// When the agent cannot be run, or the machine has no network namespaces, TUN devices or packet sockets.
pub fn run(options: &Options) -> Result<Outcome> {
    let began = Instant::now();
    let ground = Ground::new()?;
    let watched = Watched::default();
    let captures = ground.capture(&watched)?;
    let agent = Agent::start(&options.agent)?;
    let plays = plan::plan(&Scope {
        requests: options.requests,
        seed: options.seed,
        hasty: options.hasty,
        lingering: options.lingering,
    });
    let (ended, mut strays) = play_all(&ground, &watched, plays, &options.stop);
    let scanned = scan::all(&ground, &ended, options.seed)?;
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    let mut dropped = 0;
    for capture in captures {
        dropped += capture.finish()?;
    }
    let mut played = Vec::new();
    for (play, client, server) in ended {
        match conclude(&ground, &watched, &play, &client, &server) {
            Ok(one) => played.push(one),
            Err(error) => strays.push(format!("{play:?}: {error:#}")),
        }
    }
    let until = Instant::now() + REPORTED_WITHIN;
    while Instant::now() < until && !agent.look(|said| judge::all_said(&played, said)) {
        thread::sleep(Duration::from_millis(100));
    }
    let (said, notes) = agent.finish()?;
    let undecided = played
        .iter()
        .filter_map(|play| match play.truth {
            Truth::Undecided(why) => Some(Undecided { wire: play.wire, why, play: play.told.clone() }),
            _ => None,
        })
        .collect();
    Ok(Outcome {
        judged: judge::judge(&played, &said),
        undecided,
        strays,
        strangers: strangers(&ground, &played, &said)?,
        scanned,
        dropped,
        notes,
        took: began.elapsed(),
    })
}

type Ended = (Play, ClientLog, ServerLog);

/// Plays all, many at once; what did not go as scripted is told apart.
fn play_all(
    ground: &Ground,
    watched: &Watched,
    plays: Vec<Play>,
    stop: &AtomicBool,
) -> (Vec<Ended>, Vec<String>) {
    let all = plays.len().max(1);
    let results = Mutex::new((Vec::new(), Vec::new()));
    let mut queues: Vec<(Wire, VecDeque<Play>)> = Wire::ALL.map(|wire| (wire, VecDeque::new())).into();
    for play in plays {
        if let Some((_, queue)) = queues.iter_mut().find(|(wire, _)| *wire == play.wire) {
            queue.push_back(play);
        }
    }
    let queues: Vec<_> = queues
        .into_iter()
        .map(|(wire, queue)| (wire, (queue.len() * AT_ONCE).div_ceil(all), Mutex::new(queue)))
        .collect();
    thread::scope(|scope| {
        for (wire, runners, queue) in &queues {
            for _ in 0..*runners {
                let results = &results;
                let runner = move || {
                    let entered = ground.enter_client(*wire);
                    while !stop.load(Ordering::Relaxed) {
                        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                        let Some(play) = next else { return };
                        let ended = match &entered {
                            Ok(()) => play_one(ground, watched, &play),
                            Err(error) => Err(anyhow!("{error:#}")),
                        };
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        match ended {
                            Ok((client, server)) => results.0.push((play, client, server)),
                            Err(error) => results.1.push(format!("{play:?}: {error:#}")),
                        }
                    }
                };
                let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, runner);
                if let Err(error) = spawned {
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.1.push(format!("a thread cannot be started: {error}"));
                }
            }
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Plays both ends; this thread is the client's.
fn play_one(ground: &Ground, watched: &Watched, play: &Play) -> Result<(ClientLog, ServerLog)> {
    ends::be_punctual().context("ask for punctual timers")?;
    let anchor = Anchor::new();
    let (address, at) = mpsc::channel();
    thread::scope(|scope| {
        let server = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || {
                ends::be_punctual().context("ask for punctual timers")?;
                ground.enter_server(play.wire)?;
                let door = Door::open(play, Ground::server(play.wire))?;
                address.send(door.at).context("tell where the server is")?;
                server::serve(play, door, &anchor)
            })
            .context("start a server's thread")?;
        let at: SocketAddr = at.recv_timeout(ends::PATIENCE).context("wait for the server")?;
        let bound = Bound::new(Ground::client(play))?;
        watched.add(bound.local);
        let client = client::run(play, bound, at, &anchor);
        // The listener, if it is to be there, goes when the client has.
        let server = server.join().map_err(|_panic| anyhow!("the server panicked"))?;
        let (log, _door) = server.context("server")?;
        Ok((client.context("client")?, log))
    })
}

fn conclude(
    ground: &Ground,
    watched: &Watched,
    play: &Play,
    client: &ClientLog,
    server: &ServerLog,
) -> Result<Played> {
    let wire = watched.take(client.local).context("nothing was captured")?;
    ensure!(client.saw != Some(ends::End::Silence), "the client waited in vain");
    let asked_before = client.asked.saturating_sub(1);
    let evidence = Evidence {
        client,
        server,
        wire: &wire,
        before: play.before,
        bytes_before: (1..=asked_before).map(|number| ends::request_len(play, number)).sum(),
        announced: play.twist == Twist::Announced,
        flight: if play.wire.is_slow() { testserver::SlowWire::DELAY } else { Duration::ZERO },
    };
    Ok(Played {
        wire: play.wire,
        client: client.local,
        server: client.remote,
        namespaces: ground.namespaces(play.wire)?,
        truth: truth::decide(&evidence),
        told: format!("{play:?} {client:?} {server:?}"),
    })
}

/// A race in the run's namespaces, or on loopback among its addresses, that is of no play.
fn strangers(ground: &Ground, played: &[Played], said: &Said) -> Result<Vec<String>> {
    let of_plays: HashSet<_> =
        played.iter().flat_map(Played::ends).map(|(_, local, remote)| (local, remote)).collect();
    let mut own = HashSet::new();
    for wire in Wire::ALL.into_iter().filter(|&wire| wire != Wire::Loopback) {
        own.extend(ground.namespaces(wire)?);
    }
    Ok(said
        .all()
        .filter(|report| report.verdict == "idle-race")
        .filter(|report| own.contains(&report.netns) || Ground::owns(report.local.ip()))
        .filter(|report| !of_plays.contains(&(report.local, report.remote)))
        .map(|report| format!("{} {}: {}", report.local, report.remote, report.evidence.join("; ")))
        .collect())
}
