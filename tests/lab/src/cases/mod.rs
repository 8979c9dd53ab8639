//! The founding cases: what happened to people, replayed stage by stage with the real software, and what the agent says
//! of it without a hint of what is configured.
//!
//! All stages of a case run at once, each on ports of its own, under one agent. Each compares what the software itself
//! said with what the agent said; a page shows it to a reader who had the case.

mod case_000;
mod case_001;
mod case_002;
mod case_003;
mod check;
mod egg;
mod heard;
mod page;
mod picture;
mod seen;
mod software;
mod stage;
mod summary;
mod witness;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use harness::Daemon;

pub use self::{check::Check, page::Page};
use self::{
    check::Checks,
    heard::Heard,
    seen::Seen,
    stage::{PORTS, Scene, Stage},
    witness::Witness,
};
use crate::{
    agent::{Agent, Said},
    kit::{Kit, Need},
    picture::Moment,
    report::Model,
    run::{absence, chosen, is_ci},
    truth::Side,
};

/// After the last close of the plays; the slowest to be reported is one whose peer leaves it lying, 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(7);

/// A story, and its stages.
#[derive(Debug)]
pub struct Case {
    /// As the command takes it: `case-000`.
    pub name: &'static str,
    pub title: &'static str,
    /// What happened to people, a paragraph.
    happened: &'static str,
    stages: &'static [Stage],
    /// The stages' ports begin here.
    first_port: u16,
    /// What the true times are divided by, unless they are asked for.
    scale: u32,
    /// One connection of a stage each, drawn.
    pictures: &'static [Telling],
    answer: Answer,
}

/// Which connection of a stage is drawn: of those to this port that ended in such a way, by the wire, the one in the middle of
/// those that served the most requests.
#[derive(Debug)]
struct Telling {
    stage: &'static str,
    /// Index among the stage's ports.
    port: u16,
    /// A verdict, or the kind of a race.
    word: &'static str,
    /// One line above the picture.
    title: &'static str,
    /// What the programs are called.
    client: &'static str,
    server: &'static str,
    /// Whose timer it is, or who does what, and where in the picture that is said.
    remark: (Moment, &'static str),
}

/// The end of the page: what the report advises at one endpoint of one stage, after a sentence that leads to it.
#[derive(Debug)]
struct Answer {
    lead: &'static str,
    stage: &'static str,
    role: Side,
    port: u16,
}

const CASES: &[Case] = &[case_000::CASE, case_001::CASE, case_002::CASE, case_003::CASE];

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Where the virtual environment, npm's packages and compilers' caches are kept.
    pub state: PathBuf,
    /// Only stages whose name contains one of these.
    pub only: Vec<String>,
    /// The time-outs as people have them, not scaled down.
    pub real_time: bool,
    /// Set from outside: everything ends.
    pub stop: Arc<AtomicBool>,
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    pub case: &'static Case,
    pub(crate) played: Vec<Played>,
    /// Stages that were not played, and why.
    pub absent: Vec<(&'static str, String)>,
    pub(crate) real_time: bool,
    pub took: Duration,
}

/// A stage whose software is there.
#[derive(Debug)]
struct Ready<'a> {
    stage: &'static Stage,
    versions: Vec<(&'static str, String)>,
    scene: Scene<'a>,
}

#[derive(Debug)]
pub(crate) struct Played {
    stage: &'static Stage,
    versions: Vec<(&'static str, String)>,
    seen: Seen,
    checks: Vec<Check>,
}

impl Outcome {
    /// How many checks there were.
    pub fn checks(&self) -> usize {
        self.played.iter().map(|played| played.checks.len()).sum()
    }

    /// The connections that are drawn, with their stages.
    fn told(&self) -> impl Iterator<Item = (&'static Telling, &Played)> {
        self.case.pictures.iter().filter_map(|telling| {
            let played = self.played.iter().find(|one| one.stage.name == telling.stage)?;
            Some((telling, played))
        })
    }

    /// What did not hold, with the stage's name.
    pub fn failed(&self) -> impl Iterator<Item = (&'static str, &Check)> {
        self.played.iter().flat_map(|played| {
            played.checks.iter().filter(|check| !check.holds).map(|check| (played.stage.name, check))
        })
    }
}

/// The case that is called so.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Case> {
    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    let found = CASES.iter().find(|case| case.name == name);
    found.with_context(|| format!("no case is called {name}; there are {}", names.join(", ")))
}

/// Every case, in order.
pub fn all() -> &'static [Case] {
    CASES
}

/// What the case needs that is not here.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(case: &'static Case, options: &Options) -> Result<Vec<Need>> {
    let kit = Kit::new(options.state.clone())?;
    let mut missing: Vec<_> = stages(case, options)
        .flat_map(|(_, stage)| stage.needs())
        .flat_map(|needs| kit.missing(needs))
        .collect();
    missing.sort();
    missing.dedup();
    Ok(missing)
}

/// Plays the stages and compares.
///
/// # Errors
/// When the agent cannot be run, a play cannot be played, or in CI software is missing.
pub fn run(case: &'static Case, options: &Options) -> Result<Outcome> {
    let began = Instant::now();
    let kit = Kit::new(options.state.clone())?;
    let scale = if options.real_time { 1.0 } else { f64::from(case.scale) };
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for (index, stage) in stages(case, options) {
        let missing: Vec<_> = stage.needs().flat_map(|needs| kit.missing(needs)).collect();
        if !missing.is_empty() {
            ensure!(!is_ci(), "in CI nothing is left out: {} {}", stage.name, absence(&missing));
            absent.push((stage.name, absence(&missing)));
            continue;
        }
        let versions = stage
            .software
            .iter()
            .map(|one| Ok((one.name, (one.version)(&kit)?)))
            .collect::<Result<Vec<_>>>()?;
        let first_port = case.first_port + PORTS * index as u16;
        let scene = Scene::new(&kit, stage.wire, first_port, scale, &options.stop)?;
        present.push(Ready { stage, versions, scene });
    }
    ensure!(!present.is_empty() || !absent.is_empty(), "no stage is called {:?}", options.only);
    let watch = Agent::start(&options.agent)?;
    let daemon = Daemon::start(&options.agent)?;
    let captures = present.iter().map(|ready| witness::capture(&ready.scene)).collect::<Result<Vec<_>>>()?;
    let heard = play(&present);
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    thread::sleep(SETTLED_AFTER);
    let (said, _notes) = watch.finish()?;
    let mut played = Vec::new();
    for ((Ready { stage, versions, scene }, heard), capture) in present.into_iter().zip(heard).zip(captures) {
        let heard = heard.with_context(|| format!("play {} of {}", stage.name, case.name))?;
        let witness = Witness::of(capture, &scene)?;
        let mut checks = Checks::default();
        witness.compare(&said, &mut checks);
        let seen = see(&scene, heard, witness, &daemon, &said, scale)?;
        (stage.holds)(&seen, &mut checks);
        ensure!(!checks.all.is_empty(), "nothing is checked of {}", stage.name);
        played.push(Played { stage, versions, seen, checks: checks.all });
    }
    Ok(Outcome { case, played, absent, real_time: options.real_time, took: began.elapsed() })
}

fn stages(case: &'static Case, options: &Options) -> impl Iterator<Item = (usize, &'static Stage)> {
    let stages = case.stages.iter().enumerate();
    stages.filter(|(_, stage)| chosen(&options.only, stage.name))
}

/// All stages at once.
fn play(present: &[Ready]) -> Vec<Result<Heard>> {
    thread::scope(|scope| {
        let running: Vec<_> =
            present.iter().map(|ready| scope.spawn(|| (ready.stage.play)(&ready.scene))).collect();
        let heard = running.into_iter().map(thread::ScopedJoinHandle::join);
        heard.map(|one| one.unwrap_or_else(|_panic| bail!("the play panicked"))).collect()
    })
}

fn see(
    scene: &Scene,
    heard: Heard,
    witness: Witness,
    daemon: &Daemon,
    said: &Said,
    scale: f64,
) -> Result<Seen> {
    let ports = scene.ports();
    let is_ours = |port| ports.contains(&port);
    Ok(Seen {
        heard,
        witness,
        report: Model::parse(&daemon.report("--json", &ports)?)?,
        markdown: daemon.report("--markdown", &ports)?,
        said: said
            .all()
            .filter(|one| is_ours(one.local.port()) || is_ours(one.remote.port()))
            .cloned()
            .collect(),
        first_port: scene.port(0),
        scale,
    })
}
