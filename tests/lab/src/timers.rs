//! Timeouts of real software, with nothing set: whether `whohungup report` finds them, and names them, by watching alone.
//!
//! Each case pairs real software with a script at the other end that never closes (or two real programs with each
//! other), on a port of its own, all at once. The script measures when the close comes; the report must say the same
//! time, the side, and first of all candidates the setting that makes it.

mod cases;
mod compare;
mod origin;
mod play;
mod pool;

use std::{fmt, thread, time::Duration};

use anyhow::{Result, ensure};
use harness::{Daemon, Watch};

use self::{
    cases::Case,
    compare::{CaseEnd, Observed},
};

use crate::{
    catalogue::{self, Need},
    report::Model,
    suite::{Context, Results, Suite, absence, is_chosen, json_lines},
    table::grid,
};

/// After the last close of the plays; the slowest to be reported is one whose peer leaves it lying, 5 s.
const SETTLED_AFTER: Duration = Duration::from_secs(6);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only cases whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// Only timers under ten seconds
    #[arg(long)]
    pub quick: bool,
}

#[derive(Debug)]
pub struct Outcome {
    ends: Vec<CaseEnd>,
    /// Cases that were not played, and why.
    pub absent: Vec<(&'static str, String)>,
}

impl Options {
    fn cases(&self) -> impl Iterator<Item = &'static Case> {
        cases::all().iter().filter(|case| is_chosen(&self.only, &case.name))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        catalogue::needs(self.cases().flat_map(|case| &case.software))
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// Plays everything while a daemon looks on, then compares.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let (mut present, mut absent) = (Vec::new(), Vec::new());
    for case in options.cases() {
        if let Some(why) = absence(&kit, &case.name, &catalogue::needs(&case.software))? {
            absent.push((case.name.as_str(), why));
            continue;
        }
        let version = catalogue::version(&kit, &case.software[0])?;
        if options.quick && !case.wanted(&version).is_quick() {
            continue;
        }
        present.push((case, version, case.prepare(&kit)?));
    }
    ensure!(!present.is_empty() || !absent.is_empty(), "no case is called {:?}", options.only);
    let watch = Watch::start(&context.agent)?;
    let daemon = Daemon::start(&context.agent)?;
    let ports: Vec<_> = present.iter().map(|(_, _, prepared)| prepared.at.port()).collect();
    let mut played: Vec<(&'static Case, String, Result<Vec<Observed>>, u16)> = Vec::new();
    thread::scope(|scope| {
        let running: Vec<_> = present
            .into_iter()
            .map(|(case, version, prepared)| {
                let port = prepared.at.port();
                let wanted = case.wanted(&version);
                (case, version, port, scope.spawn(move || case.play(prepared, &wanted, &context.stop)))
            })
            .collect();
        for (case, version, port, thread) in running {
            let observed = thread.join().unwrap_or_else(|_panic| Err(anyhow::anyhow!("the play panicked")));
            played.push((case, version, observed, port));
        }
    });
    context.ensure_not_stopped()?;
    thread::sleep(SETTLED_AFTER);
    let model = Model::parse(&daemon.report("--json", &ports)?)?;
    let (closes, _notes) = watch.finish()?;
    let ends = played
        .into_iter()
        .flat_map(|(case, version, observed, port)| {
            compare::compare(case, &version, observed, port, &model, &closes)
        })
        .collect();
    Ok(Outcome { ends, absent })
}

impl Outcome {
    /// How many ends of cases were compared, and how many of them were right.
    pub fn counts(&self) -> (usize, usize) {
        (self.ends.len(), self.ends.iter().filter(|end| end.is_right()).count())
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.ends)
    }

    fn is_right(&self) -> bool {
        let (compared, right) = self.counts();
        compared > 0 && right == compared
    }
}

const TITLES: [&str; 11] = [
    "software",
    "seen by",
    "set",
    "measured",
    "closes",
    "report",
    "spread",
    "error",
    "risk",
    "first candidate",
    "",
];

fn row(end: &CaseEnd) -> Vec<String> {
    let none = || "-".to_owned();
    let reported = end.reported.as_ref();
    let first = reported.and_then(|reported| {
        let (product, setting, likelihood) = reported.candidates.first()?;
        let more = reported.candidates.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("{product}: {setting} ({likelihood}){more}"))
    });
    vec![
        format!("{} {}", end.case, end.version),
        format!("{}{}", end.end.word(), if end.own { "*" } else { "" }),
        end.wanted.map_or_else(none, |wanted| format!("{wanted:.1} s")),
        end.measured.map_or_else(none, |measured| format!("{:.3} s", measured.mean)),
        reported.map_or_else(none, |reported| reported.closes.to_string()),
        reported.map_or_else(none, |reported| format!("{:.3} s", reported.seconds)),
        reported.map_or_else(none, |reported| format!("{:.0} ms", 1000.0 * (reported.most - reported.least))),
        reported.map_or_else(none, |reported| format!("{:+.2} %", 100.0 * reported.error)),
        if end.risk.is_empty() { none() } else { end.risk.clone() },
        first.unwrap_or_else(none),
        if end.is_right() { "ok" } else { "WRONG" }.to_owned(),
    ]
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = TITLES.map(str::to_owned).to_vec();
        let lines: Vec<_> = std::iter::once(titles).chain(self.ends.iter().map(row)).collect();
        write!(f, "{}", grid(&lines, |column| (2..8).contains(&column)))?;
        let (compared, right) = self.counts();
        let sum = |count: fn(&CaseEnd) -> usize| self.ends.iter().map(count).sum::<usize>();
        writeln!(
            f,
            "\n{compared} ends of {} cases compared: {right} right, {} wrong; *: the software's own end; \
             {} of {} ends of closes reported right one by one",
            compared / 2,
            compared - right,
            sum(|end| end.closes.0),
            sum(|end| end.closes.1)
        )?;
        for end in self.ends.iter().filter(|end| !end.is_right()) {
            writeln!(f, "{} seen by the {}: {}", end.case, end.end.word(), end.faults.join("; "))?;
        }
        self.absent.iter().try_for_each(|(case, why)| writeln!(f, "{case}: {why}"))
    }
}
