//! One run of the lab: everything is played while one agent watches, then all is judged.

use std::{
    env,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    agent::Agent,
    judge::{self, Judged},
    kit::{Kit, Need},
    software,
    table::Line,
    truth::Played,
    wiretap::{
        capture::{self, Capture, Place},
        witness::{self, Witness},
    },
};

/// The slowest close to be reported is one whose peer left it lying: 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Where the virtual environment and compilers' caches are kept.
    pub state: PathBuf,
    /// Only software whose name contains one of these.
    pub only: Vec<String>,
    /// Only cases whose name contains one of these.
    pub cases: Vec<String>,
    /// Set from outside: no further case is begun.
    pub stop: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub lines: Vec<Line>,
    pub played: Played,
    pub judged: Vec<Judged>,
    /// What a capture says of the scripts' truths; `None` without tshark.
    pub witness: Option<Witness>,
    /// What the agent said besides.
    pub notes: Vec<String>,
    pub took: Duration,
}

/// Plays and judges.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options) -> Result<Outcome> {
    let began = Instant::now();
    let kit = Kit::new(options.state.clone())?;
    let chosen: Vec<_> =
        software::all().into_iter().filter(|software| chosen(&options.only, software.name())).collect();
    ensure!(!chosen.is_empty(), "no software is called {:?}", options.only);
    let mut lines = Vec::new();
    let mut present = Vec::new();
    for software in chosen {
        let missing = kit.missing(software.needs());
        let version = if missing.is_empty() {
            present.push(software);
            Ok(software.version(&kit)?)
        } else {
            ensure!(!is_ci(), "in CI nothing is left out: {} {}", software.name(), absence(&missing));
            Err(absence(&missing))
        };
        lines.extend(software.rows().into_iter().map(|row| Line { row, version: version.clone() }));
    }
    let wants = |case: &str| !options.stop.load(Ordering::Relaxed) && chosen_case(&options.cases, case);
    let absent = kit.missing(&capture::NEEDS);
    ensure!(absent.is_empty() || !is_ci(), "in CI nothing is left out: the capture {}", absence(&absent));
    let capture =
        if absent.is_empty() { Some(Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?) } else { None };
    let agent = Agent::start(&options.agent)?;
    let mut played = Played::default();
    thread::scope(|scope| {
        let running: Vec<_> =
            present.iter().map(|software| (software, scope.spawn(|| software.play(&kit, &wants)))).collect();
        for (software, thread) in running {
            match thread.join() {
                Ok(of_one) => played.extend(of_one),
                Err(_panic) => played.stray(software.rows()[0], "all", "the lab panicked"),
            }
        }
    });
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    let until = Instant::now() + REPORTED_WITHIN;
    while Instant::now() < until && !agent.look(|said| judge::all_said(&played, said)) {
        thread::sleep(Duration::from_millis(50));
    }
    let (said, notes) = agent.finish()?;
    let judged = judge::judge(&played, &said, own_namespace()?);
    let mut witness = None;
    if let Some(capture) = capture {
        let found = witness::check(&played.closes, &capture.finish()?.flows(&kit)?);
        played.strays.extend(found.contradicts.iter().cloned());
        witness = Some(found);
    }
    Ok(Outcome { lines, played, judged, witness, notes, took: began.elapsed() })
}

/// What all software needs that is not here.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(options: &Options) -> Result<Vec<Need>> {
    let kit = Kit::new(options.state.clone())?;
    let mut missing: Vec<_> = software::all()
        .into_iter()
        .filter(|software| chosen(&options.only, software.name()))
        .flat_map(|software| kit.missing(software.needs()))
        .chain(kit.missing(&capture::NEEDS))
        .collect();
    missing.sort();
    missing.dedup();
    Ok(missing)
}

pub(crate) fn chosen(only: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    only.is_empty() || only.iter().any(|part| name.contains(&part.to_lowercase()))
}

fn chosen_case(only: &[String], name: &str) -> bool {
    only.is_empty() || only.iter().any(|part| name.contains(part.as_str()))
}

pub(crate) fn absence(missing: &[Need]) -> String {
    let names: Vec<_> =
        missing.iter().map(|need| format!("{}: {}", need.manager(), need.package())).collect();
    format!("not installed ({})", names.join(", "))
}

pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

pub(crate) fn own_namespace() -> Result<u64> {
    let namespace = std::fs::metadata("/proc/self/ns/net").context("look at the network namespace")?;
    Ok(namespace.ino())
}
