//! Time-outs of real software, with nothing set: whether `whohungup report` finds them, and names them, by watching alone.
//!
//! Each case pairs real software with a script at the other end that never closes (or two real programs with each
//! other), on a port of its own, all at once. The script measures when the close comes; the report must say the same
//! time, the side, and first of all candidates the setting that makes it.

mod cases;
mod judge;
mod origin;
mod play;
mod pool;
mod programs;
mod report;
mod table;
mod versions;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

pub use self::judge::Judged;
pub use self::table::{Table, Totals};
use self::{cases::Case, judge::Seen, report::Recorder};
use crate::{
    agent::{Agent, Said},
    kit::{Kit, Need},
    report::Model,
    run::{absence, chosen, is_ci},
};

/// After the last close of the plays; the slowest to be reported is one whose peer leaves it lying, 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(6);

#[derive(Debug, Clone)]
pub struct Options {
    pub agent: PathBuf,
    /// Where the virtual environment, npm's packages and compilers' caches are kept.
    pub state: PathBuf,
    /// Only cases whose name contains one of these.
    pub only: Vec<String>,
    /// Only cases whose timers are all under 10 s.
    pub quick: bool,
    /// Set from outside: everything ends.
    pub stop: Arc<AtomicBool>,
}

#[derive(Debug)]
pub struct Outcome {
    pub judged: Vec<Judged>,
    /// Cases that were not played, and why.
    pub absent: Vec<(&'static str, String)>,
    pub took: Duration,
}

/// Plays everything while one report records, then judges it.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options) -> Result<Outcome> {
    let began = Instant::now();
    let kit = Kit::new(options.state.clone())?;
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for case in cases(options) {
        let missing: Vec<_> = case.needs.iter().flat_map(|needs| kit.missing(needs)).collect();
        if !missing.is_empty() {
            ensure!(!is_ci(), "in CI nothing is left out: {} {}", case.name, absence(&missing));
            absent.push((case.name, absence(&missing)));
            continue;
        }
        let version = (case.version)(&kit)?;
        if options.quick && !(case.wanted)(&version).is_quick() {
            continue;
        }
        let prepared = case.prepare(&kit)?;
        present.push((case, version, prepared));
    }
    ensure!(!present.is_empty() || !absent.is_empty(), "no case is called {:?}", options.only);
    let watch = Agent::start(&options.agent)?;
    let report = Recorder::start(&options.agent, present.iter().map(|(_, _, prepared)| prepared.at.port()))?;
    let mut played: Vec<(&Case, String, Result<Vec<Seen>>, u16)> = Vec::new();
    thread::scope(|scope| {
        let stop = &*options.stop;
        let running: Vec<_> = present
            .into_iter()
            .map(|(case, version, prepared)| {
                let port = prepared.at.port();
                let wanted = (case.wanted)(&version);
                (case, version, port, scope.spawn(move || case.play(prepared, &wanted, stop)))
            })
            .collect();
        for (case, version, port, thread) in running {
            let seen = thread.join().unwrap_or_else(|_panic| Err(anyhow::anyhow!("the play panicked")));
            played.push((case, version, seen, port));
        }
    });
    ensure!(!options.stop.load(Ordering::Relaxed), "interrupted");
    thread::sleep(SETTLED_AFTER);
    let model: Model = report.finish()?;
    let (said, _notes): (Said, _) = watch.finish()?;
    let judged = played
        .into_iter()
        .flat_map(|(case, version, seen, port)| judge::judge(case, &version, seen, port, &model, &said))
        .collect();
    Ok(Outcome { judged, absent, took: began.elapsed() })
}

/// What the cases need that is not here.
///
/// # Errors
/// When the state directory cannot be made.
pub fn missing(options: &Options) -> Result<Vec<Need>> {
    let kit = Kit::new(options.state.clone())?;
    let needs = cases(options).flat_map(|case| case.needs).flat_map(|needs| kit.missing(needs));
    let mut missing: Vec<_> = needs.collect();
    missing.sort();
    missing.dedup();
    Ok(missing)
}

fn cases(options: &Options) -> impl Iterator<Item = &'static Case> {
    cases::CASES.iter().filter(|case| chosen(&options.only, case.name))
}
