//! The founding cases: what happened to people, replayed stage by stage with the real software, and what the agent says
//! of it without a hint of what is configured.
//!
//! All stages of a case run at once, each on ports of its own, under one agent. Each compares what the software itself
//! said with what the agent said; a page shows it to a reader who had the case.

mod captured;
mod case_000;
mod case_001;
mod case_002;
mod case_003;
mod check;
mod claims;
mod egg;
mod observed;
mod page;
mod picture;
mod stage;
mod summary;

use std::{fmt, path::PathBuf, sync::LazyLock, thread, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use harness::{Closes, Daemon, Watch};
use serde::Deserialize;

use self::{
    captured::Captured,
    check::Checks,
    claims::Claims,
    observed::Observed,
    stage::{Act, PORTS, Scene, Stage},
};
pub use self::{check::Check, page::Page};

use crate::{
    catalogue::{self, Need},
    picture::Moment,
    plays,
    report::Model,
    suite::{Context, Results, Suite, absence, is_chosen, json_lines},
    truth::Side,
};

/// After the last close of the plays; the slowest to be reported is one whose peer leaves it lying, 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(7);

/// A story, and its stages: plays/cases, where case-000.toml says what the fields mean.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// As the command takes it: `case-000`.
    pub name: String,
    pub title: String,
    happened: String,
    first_port: u16,
    scale: u32,
    answer: Answer,
    stage: Vec<Stage>,
    picture: Vec<Drawn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawn {
    stage: String,
    port: u16,
    word: String,
    title: String,
    client: String,
    server: String,
    remark: (Moment, String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    lead: String,
    stage: String,
    role: Side,
    port: u16,
}

static CASES: LazyLock<[Case; 4]> = LazyLock::new(|| {
    [
        plays::read(include_str!("../plays/cases/case-000.toml")),
        plays::read(include_str!("../plays/cases/case-001.toml")),
        plays::read(include_str!("../plays/cases/case-002.toml")),
        plays::read(include_str!("../plays/cases/case-003.toml")),
    ]
});

impl Case {
    fn act(&self, stage: &Stage) -> Box<dyn Act> {
        match self.name.as_str() {
            "case-000" => stage.act::<case_000::Play>(),
            "case-001" => stage.act::<case_001::Play>(),
            "case-002" => stage.act::<case_002::Play>(),
            _ => stage.act::<case_003::Play>(),
        }
    }
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only stages whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// The timeouts as people have them, not scaled down
    #[arg(long)]
    pub real_time: bool,

    /// Write the page and its pictures to this directory instead of printing it
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A case, and how it is to be replayed.
#[derive(Debug)]
pub struct Replay<'a> {
    case: &'static Case,
    options: &'a Options,
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    pub case: &'static Case,
    pub(crate) played: Vec<Played>,
    /// Stages that were not played, and why.
    pub absent: Vec<(&'static str, String)>,
    pub(crate) real_time: bool,
    /// Where its page and pictures were written, instead of printing it.
    out: Option<PathBuf>,
}

/// A stage whose software is there.
#[derive(Debug)]
struct Ready<'a> {
    stage: &'static Stage,
    act: Box<dyn Act>,
    versions: Vec<(&'static str, String)>,
    scene: Scene<'a>,
}

#[derive(Debug)]
pub(crate) struct Played {
    stage: &'static Stage,
    versions: Vec<(&'static str, String)>,
    observed: Observed,
    checks: Vec<Check>,
}

impl Outcome {
    /// How many checks there were.
    pub fn checks(&self) -> usize {
        self.played.iter().map(|played| played.checks.len()).sum()
    }

    /// The connections that are drawn, with their stages.
    fn drawings(&self) -> impl Iterator<Item = (&'static Drawn, &Played)> {
        self.case.picture.iter().filter_map(|drawn| {
            let played = self.played.iter().find(|one| one.stage.name == drawn.stage)?;
            Some((drawn, played))
        })
    }

    /// What did not hold, with the stage's name.
    pub fn failed(&self) -> impl Iterator<Item = (&'static str, &Check)> {
        self.played.iter().flat_map(|played| {
            played.checks.iter().filter(|check| !check.holds).map(|check| (played.stage.name.as_str(), check))
        })
    }
}

/// The case that is called so.
///
/// # Errors
/// When there is none.
pub fn find<'a>(name: &str, options: &'a Options) -> Result<Replay<'a>> {
    let case = CASES.iter().find(|case| case.name == name);
    let names: Vec<_> = names().collect();
    let case = case.with_context(|| format!("no case is called {name}; there are {}", names.join(", ")))?;
    Ok(Replay { case, options })
}

/// Of every case, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.name.as_str())
}

impl Suite for Replay<'_> {
    fn needs(&self) -> Vec<Need> {
        self.stages().flat_map(|(_, stage)| stage.needs()).collect()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        let outcome = self.play(context)?;
        if let Some(directory) = &self.options.out {
            Page(&outcome).keep(directory)?;
        }
        Ok(Box::new(outcome))
    }
}

impl Replay<'_> {
    fn stages(&self) -> impl Iterator<Item = (usize, &'static Stage)> {
        let stages = self.case.stage.iter().enumerate();
        stages.filter(|(_, stage)| is_chosen(&self.options.only, &stage.name))
    }

    /// Plays the stages and compares.
    ///
    /// # Errors
    /// When the agent cannot be run, a play cannot be played, or in CI software is missing.
    pub fn play(&self, context: &Context) -> Result<Outcome> {
        let Self { case, options } = *self;
        let kit = context.kit()?;
        let scale = if options.real_time { 1.0 } else { f64::from(case.scale) };
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for (index, stage) in self.stages() {
            if let Some(why) = absence(&kit, &stage.name, &stage.needs())? {
                absent.push((stage.name.as_str(), why));
                continue;
            }
            let versions = stage.software.iter();
            let versions = versions.map(|one| Ok((catalogue::name(one), catalogue::version(&kit, one)?)));
            let versions = versions.collect::<Result<Vec<_>>>()?;
            let first_port = case.first_port + PORTS * index as u16;
            let scene = Scene::new(&kit, stage.is_slow, first_port, scale, &context.stop)?;
            present.push(Ready { stage, act: case.act(stage), versions, scene });
        }
        ensure!(!present.is_empty() || !absent.is_empty(), "no stage is called {:?}", options.only);
        let watch = Watch::start(&context.agent)?;
        let daemon = Daemon::start(&context.agent)?;
        let captures =
            present.iter().map(|ready| captured::capture(&ready.scene)).collect::<Result<Vec<_>>>()?;
        let claims = play(&present);
        context.ensure_not_stopped()?;
        thread::sleep(SETTLED_AFTER);
        let (closes, _notes) = watch.finish()?;
        let mut played = Vec::new();
        for ((Ready { stage, act, versions, scene }, claims), capture) in
            present.into_iter().zip(claims).zip(captures)
        {
            let claims = claims.with_context(|| format!("play {} of {}", stage.name, case.name))?;
            let shown = Captured::of(capture, &scene)?;
            let mut checks = Checks::default();
            shown.compare(&closes, &mut checks);
            let observed = observe(&scene, claims, shown, &daemon, &closes, scale)?;
            act.holds(&observed, &mut checks);
            ensure!(!checks.all.is_empty(), "nothing is checked of {}", stage.name);
            played.push(Played { stage, versions, observed, checks: checks.all });
        }
        Ok(Outcome { case, played, absent, real_time: options.real_time, out: options.out.clone() })
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        let checks = self.played.iter().flat_map(|played| &played.checks);
        json_lines(checks)
    }

    fn notes(&self) -> Vec<String> {
        let failed = self.failed();
        let failed =
            failed.map(|(stage, check)| format!("{stage}: does not hold: {} ({})", check.what, check.found));
        failed.chain([format!("{} of {} checks failed", self.failed().count(), self.checks())]).collect()
    }

    fn is_right(&self) -> bool {
        self.checks() > 0 && self.failed().next().is_none()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.out.is_some() { Ok(()) } else { write!(f, "{}", Page(self)) }
    }
}

/// All stages at once.
fn play(present: &[Ready]) -> Vec<Result<Claims>> {
    thread::scope(|scope| {
        let running: Vec<_> =
            present.iter().map(|ready| scope.spawn(|| ready.act.play(&ready.scene))).collect();
        let claims = running.into_iter().map(thread::ScopedJoinHandle::join);
        claims.map(|one| one.unwrap_or_else(|_panic| bail!("the play panicked"))).collect()
    })
}

fn observe(
    scene: &Scene,
    claims: Claims,
    captured: Captured,
    daemon: &Daemon,
    closes: &Closes,
    scale: f64,
) -> Result<Observed> {
    let ports = scene.ports();
    let is_ours = |port| ports.contains(&port);
    Ok(Observed {
        claims,
        captured,
        report: Model::parse(&daemon.report("--json", &ports)?)?,
        markdown: daemon.report("--markdown", &ports)?,
        closes: closes
            .all()
            .filter(|one| is_ours(one.local.port()) || is_ours(one.remote.port()))
            .cloned()
            .collect(),
        first_port: scene.port(0),
        scale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_can_be_played_and_every_picture_and_answer_is_of_one() {
        for case in &*CASES {
            for stage in &case.stage {
                let _act = case.act(stage);
                assert!(!stage.needs().is_empty(), "{}", stage.name);
            }
            let is_there = |name: &str| case.stage.iter().any(|stage| stage.name == name);
            assert!(is_there(&case.answer.stage), "{}", case.name);
            assert!(case.picture.iter().all(|drawn| is_there(&drawn.stage)), "{}", case.name);
        }
    }
}
