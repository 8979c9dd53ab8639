//! In flight: everything is played while one agent watches, then all is compared.

use std::{fmt, thread, time::Duration};

use anyhow::{Result, ensure};
use harness::Watch;

use crate::{
    catalogue::{self, Need},
    compare::{self, Comparison, Score},
    kit::Kit,
    software::Software as Tried,
    suite::{Context, Results, Software, Suite, absence, is_chosen, json_lines, wait_until},
    table::{Table, write_faults, write_invalid},
    truth::{Played, Side},
    wiretap::{
        agreement::Agreement,
        capture::{self, Capture, Place},
    },
};

/// The slowest close to be reported is one whose peer left it lying: 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only software whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,

    /// Only cases whose name contains this (may be repeated)
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub software: Vec<Software>,
    pub played: Played,
    pub comparisons: Vec<Comparison>,
    /// What a capture shows of the scripts' truths; `None` without tshark.
    agreement: Option<Agreement>,
    /// What the agent said besides.
    notes: Vec<String>,
}

impl Options {
    fn software(&self) -> impl Iterator<Item = Tried> {
        Tried::all().filter(|one| is_chosen(&self.only, one.name()))
    }

    fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|part| case.contains(part.as_str()))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        [catalogue::needs(self.software().flat_map(Tried::software)), capture::NEEDS.to_vec()].concat()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let chosen: Vec<_> = options.software().collect();
    ensure!(!chosen.is_empty(), "no software is called {:?}", options.only);
    let found = |one: &Tried| Software::find(&kit, one.name(), one.software());
    let software = chosen.iter().map(found).collect::<Result<Vec<_>>>()?;
    let wants = |case: &str| !context.is_stopped() && options.wants(case);
    let capture = match absence(&kit, "the capture", &capture::NEEDS)? {
        None => Some(Capture::start(&kit, Place::LOOPBACK, &Kit::filter())?),
        Some(_absent) => None,
    };
    let watch = Watch::start(&context.agent)?;
    let mut played = Played::default();
    thread::scope(|scope| {
        let present = chosen.iter().zip(&software).filter(|(_, found)| found.version.is_ok());
        let running: Vec<_> = present.map(|(one, _)| (one, scope.spawn(|| one.play(&kit, &wants)))).collect();
        for (one, thread) in running {
            match thread.join() {
                Ok(of_one) => played.extend(of_one),
                Err(_panic) => played.invalid(one.row(), "all", "the lab panicked"),
            }
        }
    });
    context.ensure_not_stopped()?;
    wait_until(REPORTED_WITHIN, || watch.look(|closes| compare::all_reported(&played.closes, closes)));
    let (closes, notes) = watch.finish()?;
    let comparisons = compare::compare(&played.closes, &closes);
    let mut agreement = None;
    if let Some(capture) = capture {
        let found = Agreement::of(&played.closes, &capture.finish()?.flows(&kit)?);
        played.invalid.extend(found.contradicts.iter().cloned());
        agreement = Some(found);
    }
    Ok(Outcome { software, played, comparisons, agreement, notes })
}

impl Outcome {
    pub fn score(&self) -> Score {
        Score::of(&self.comparisons)
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        Ok(json_lines(&self.comparisons)? + &json_lines(&self.played.invalid)?)
    }

    fn notes(&self) -> Vec<String> {
        self.agreement.iter().map(Agreement::to_string).chain(self.notes.iter().cloned()).collect()
    }

    fn is_right(&self) -> bool {
        self.score().has_no_fault() && self.played.invalid.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.software.iter().map(|one| one.name).collect();
        for part in [Side::Server, Side::Client] {
            let of_part = self.comparisons.iter().filter(|one| one.connection.group[0] == part.word());
            let title = format!("as {}", part.word());
            write!(f, "{}", Table::of_ways(&title, &names, of_part, |one| one.connection.group[1]))?;
        }
        let all: Vec<_> = self.software.iter().map(Software::to_string).collect();
        writeln!(f, "{}\n", all.join(", "))?;
        writeln!(f, "{}; {} cases did not go as scripted", self.score(), self.played.invalid.len())?;
        write_faults(f, &self.comparisons)?;
        write_invalid(f, &self.played.invalid)
    }
}
