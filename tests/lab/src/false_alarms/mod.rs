//! False alarms: what happens to healthy connections every day, played with real software, and whether the agent calls
//! any of it a failure, a race or a hang-up: in what it says of each close, in its report, in its metrics.
//!
//! A play knows what it does, and looks that it was done; from that follows what may be said. Where tshark is there, a
//! capture has to bear it out. The agent's words decide nothing.

mod judge;
mod metrics;
mod stage;
mod table;
mod trap;
mod traps;
mod witness;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use harness::Daemon;

use self::{
    judge::Heard,
    metrics::Scrape,
    stage::Stage,
    trap::{Claim, How, Rest, Sprung, Trap},
};
pub use self::{
    judge::Judged,
    table::{Outcome, Row, Table, Totals},
};
use crate::{
    agent::Agent,
    kit::{Kit, Need},
    report::Model,
    run::{absence, chosen, is_ci},
    wiretap::{
        capture::{self, Capture, Place},
        flow::Flow,
    },
};

/// Plays at once: most of them wait.
const AT_ONCE: usize = 8;

/// The slowest close to be reported is one whose peer leaves it lying: 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(6);
const TOLD_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Where the virtual environment, npm's packages and compilers' caches are kept.
    pub state: PathBuf,
    /// Only traps whose name contains one of these.
    pub only: Vec<String>,
    /// Set from outside: no further trap is sprung.
    pub stop: Arc<AtomicBool>,
}

#[derive(Debug)]
pub struct Played {
    pub rows: Vec<Row>,
    pub took: Duration,
}

/// A trap on its way.
struct Set {
    trap: &'static Trap,
    state: State,
}

enum State {
    Ready,
    Begun(Rest),
    Sprung(Sprung),
    Absent(String),
    Stray(String),
}

/// Plays everything while a watch and a daemon look on, then judges what they said.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options) -> Result<Played> {
    let began = Instant::now();
    let kit = Kit::new(options.state.clone())?;
    let stage = Stage { kit: &kit, agent: &options.agent };
    let mut sets = traps(options).map(|trap| prepare(&kit, trap)).collect::<Result<Vec<_>>>()?;
    ensure!(!sets.is_empty(), "no trap is called {:?}", options.only);
    let capture = if kit.missing(&capture::NEEDS).is_empty() {
        Some(Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?)
    } else {
        None
    };
    at_once(&mut sets, &options.stop, |set| begin(&stage, set));
    let watch = Agent::start(&options.agent)?;
    let daemon = Daemon::start(&options.agent)?;
    at_once(&mut sets, &options.stop, |set| spring(&stage, set));
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    thread::sleep(SETTLED_AFTER);
    let until = Instant::now() + TOLD_WITHIN;
    let claims: Vec<Claim> = sets.iter().flat_map(Set::claims).cloned().collect();
    while Instant::now() < until && !watch.look(|said| judge::is_told(&claims, said)) {
        thread::sleep(Duration::from_millis(100));
    }
    let ports: BTreeSet<_> = claims.iter().map(|claim| claim.server.port()).collect();
    let model = Model::parse(&daemon.report("--json", &ports.into_iter().collect::<Vec<_>>())?)?;
    let scrape = Scrape::parse(&daemon.scrape()?)?;
    let (said, _notes) = watch.finish()?;
    drop(daemon);
    let flows = capture.map(|capture| capture.finish()?.flows(&kit)).transpose()?;
    let heard = Heard { said: &said, model: &model, scrape: &scrape };
    let rows = sets.into_iter().map(|set| row(set, &heard, flows.as_deref())).collect();
    Ok(Played { rows, took: began.elapsed() })
}

/// What the traps need that is not here.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(options: &Options) -> Result<Vec<Need>> {
    let kit = Kit::new(options.state.clone())?;
    let missing = traps(options).flat_map(|trap| trap.needs).flat_map(|needs| kit.missing(needs));
    Ok(missing.collect::<BTreeSet<_>>().into_iter().collect())
}

fn traps(options: &Options) -> impl Iterator<Item = &'static Trap> {
    traps::all().filter(|trap| chosen(&options.only, trap.name))
}

fn prepare(kit: &Kit, trap: &'static Trap) -> Result<Set> {
    let absent: Vec<_> = trap.needs.iter().flat_map(|needs| kit.missing(needs)).collect();
    if absent.is_empty() {
        return Ok(Set { trap, state: State::Ready });
    }
    ensure!(!is_ci(), "in CI nothing is left out: {} {}", trap.name, absence(&absent));
    Ok(Set { trap, state: State::Absent(absence(&absent)) })
}

impl Set {
    fn claims(&self) -> &[Claim] {
        match &self.state {
            State::Sprung(sprung) => &sprung.claims,
            _ => &[],
        }
    }
}

/// Does it to all of them, some at a time.
fn at_once(sets: &mut [Set], stop: &AtomicBool, act: impl Fn(&mut Set) + Sync) {
    let queue = Mutex::new(sets.iter_mut());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(set) = next() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    act(set);
                }
            });
        }
    });
}

/// Opens what has to be older than the agents.
fn begin(stage: &Stage<'_>, trapped: &mut Set) {
    if let (State::Ready, How::Older(begin)) = (&trapped.state, &trapped.trap.how) {
        trapped.state = begin(stage).map_or_else(|error| State::Stray(format!("{error:#}")), State::Begun);
    }
}

fn spring(stage: &Stage<'_>, trapped: &mut Set) {
    let before = std::mem::replace(&mut trapped.state, State::Ready);
    let sprung = match (before, &trapped.trap.how) {
        (State::Begun(rest), _) => rest(stage),
        (State::Ready, How::Play(play)) => play(stage),
        (before, _) => {
            trapped.state = before;
            return;
        }
    };
    let sprung = sprung.and_then(|sprung| {
        ensure!(!sprung.claims.is_empty(), "it claims nothing");
        Ok(sprung)
    });
    trapped.state = sprung.map_or_else(|error| State::Stray(format!("{error:#}")), State::Sprung);
}

fn row(set: Set, heard: &Heard<'_>, flows: Option<&[Flow]>) -> Row {
    let right = right(set.claims());
    let outcome = match set.state {
        State::Sprung(Sprung { claims, said, keep }) => {
            drop(keep);
            let mut judged = judge::judge(set.trap, &claims, heard);
            if let Some(own) = said.map(|said| judge::judge_closes(&claims, &said)) {
                judged.ends += own.ends;
                judged.unknown += own.unknown;
                judged.confident += own.confident;
                own.said
                    .into_iter()
                    .for_each(|(words, count)| *judged.said.entry(words).or_default() += count);
                judged
                    .wrong
                    .extend(own.wrong.into_iter().map(|wrong| format!("by an agent of its own: {wrong}")));
            }
            let witness = flows.map(|flows| witness::check(&claims, flows)).unwrap_or_default();
            judged.witnessed = witness.agrees;
            judged.undecided = witness.undecided;
            match witness.contradicts.first() {
                None => Outcome::Judged(judged),
                Some(first) => {
                    let count = witness.contradicts.len();
                    let why = format!("the capture shows otherwise than it claims, {count} times: {first}");
                    Outcome::Stray { why }
                }
            }
        }
        State::Absent(why) => Outcome::Absent { why },
        State::Stray(why) => Outcome::Stray { why },
        State::Ready | State::Begun(_) => Outcome::Stray { why: "it was not sprung".to_owned() },
    };
    Row::new(set.trap, right, outcome)
}

/// What must be said, in words.
fn right(claims: &[Claim]) -> String {
    let words: BTreeSet<_> = claims.iter().map(ToString::to_string).collect();
    words.into_iter().collect::<Vec<_>>().join("; ")
}
