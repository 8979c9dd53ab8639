//! Cures: a program loses requests, the report's first advice is given to it, it does as advised, and plays again: then nothing
//! may be lost. What is lost the program's own clients count.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::Daemon;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{self, Need},
    kit::Kit,
    plays,
    report::{Advice, Endpoint, Model},
    suite::{self, Context, Results, Suite, absence, is_chosen, json_lines},
    truth::Side,
};

const PLAYS: &str = include_str!("../plays/cures.toml");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/programs/cures");
/// Programs at once: they wait most of the time.
const AT_ONCE: usize = 6;
/// A pool's forgotten connection is reported after 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only plays whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
}

/// One play, as the file has it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Play {
    name: String,
    run: Vec<String>,
    needs: Vec<String>,
    ports: Vec<u16>,
    /// What the first advice must be.
    advice: Wanted,
    report: Option<WantedReport>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WantedReport {
    /// The setting of the first candidate for the server's idle timer.
    first: String,
    /// Words of its text.
    holds: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    side: Side,
    /// `None` where no setting of a known product is to be changed.
    setting: Option<String>,
    /// Words of its text.
    #[serde(default)]
    says: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    play: Play,
    absent: Option<String>,
    lost: Option<u64>,
    advice: Option<String>,
    lost_after: Option<u64>,
    wrong: Vec<String>,
    #[serde(skip)]
    given: Option<Advice>,
}

#[derive(Debug)]
pub struct Outcome {
    rows: Vec<Row>,
}

impl Options {
    fn plays(&self) -> Vec<Play> {
        #[derive(Deserialize)]
        struct File {
            play: Vec<Play>,
        }
        let all = plays::read::<File>(PLAYS).play;
        all.into_iter().filter(|play| is_chosen(&self.only, &play.name)).collect()
    }
}

impl Play {
    fn needs(&self) -> Vec<Need> {
        catalogue::needs(&self.needs)
    }

    /// How many requests its clients lost; it does as `advice` says.
    fn run(&self, kit: &Kit, advice: Option<&Advice>) -> Result<u64> {
        let advice = serde_json::to_string(&advice)?;
        let variables = [("ADVICE", advice.as_str()), ("PYTHONDONTWRITEBYTECODE", "1")];
        let text = plays::run(kit, PROGRAMS, &self.run, &variables)?;
        let lost = text.lines().rev().find_map(|line| line.rsplit_once("lost ")?.1.trim().parse().ok());
        lost.with_context(|| format!("{:?} does not say what was lost: {text}", self.run))
    }

    /// The first of the report's advice on its ports.
    fn first_advice(&self, daemon: &Daemon) -> Result<Option<Advice>> {
        let model = Model::parse(&daemon.report("--json", &self.ports)?)?;
        Ok(model.endpoints.into_iter().find_map(|endpoint| endpoint.advice.into_iter().next()))
    }
}

impl Wanted {
    fn is(&self, advice: &Advice) -> bool {
        let is_setting = self.setting == advice.setting;
        self.side == advice.side && is_setting && self.says.iter().all(|words| advice.text.contains(words))
    }
}

impl Suite for Options {
    fn needs(&self) -> Vec<Need> {
        self.plays().iter().flat_map(Play::needs).collect()
    }

    fn run(&self, context: &Context) -> Result<Box<dyn Results>> {
        Ok(Box::new(run(self, context)?))
    }
}

/// Plays everything, asks what to do, and plays everything again, as it was advised, with an agent that knows nothing.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let plays = options.plays();
    ensure!(!plays.is_empty(), "no play is called {:?}", options.only);
    let mut rows = Vec::new();
    for play in plays {
        let absent = absence(&kit, &play.name, &play.needs())?;
        let nothing =
            Row { play, absent, lost: None, advice: None, lost_after: None, wrong: Vec::new(), given: None };
        rows.push(nothing);
    }
    let daemon = Daemon::start(&context.agent)?;
    play_all(&mut rows, &kit, context, |row, lost| row.lost = Some(lost));
    for row in rows.iter_mut().filter(|row| row.lost.is_some()) {
        advise(row, &daemon)?;
    }
    drop(daemon);
    context.ensure_not_stopped()?;
    let daemon = Daemon::start(&context.agent)?;
    play_all(&mut rows, &kit, context, |row, lost| row.lost_after = Some(lost));
    for row in &mut rows {
        check_cure(row, &daemon)?;
    }
    context.ensure_not_stopped()?;
    Ok(Outcome { rows })
}

fn play_all(rows: &mut [Row], kit: &Kit, context: &Context, count: impl Fn(&mut Row, u64) + Sync) {
    let played = rows.iter_mut().filter(|row| row.absent.is_none() && row.wrong.is_empty());
    suite::at_once(AT_ONCE, played.take_while(|_| !context.is_stopped()), |row| {
        match row.play.run(kit, row.given.as_ref()) {
            Ok(lost) => count(row, lost),
            Err(error) => row.wrong.push(format!("it was not played: {error:#}")),
        }
    });
}

fn advise(row: &mut Row, daemon: &Daemon) -> Result<()> {
    if row.lost == Some(0) {
        row.wrong.push("it lost nothing before the advice".to_owned());
    }
    let until = Instant::now() + REPORTED_WITHIN;
    let given = loop {
        let given = row.play.first_advice(daemon)?;
        if given.as_ref().is_some_and(|given| row.play.advice.is(given)) || Instant::now() > until {
            break given;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    row.advice = given.as_ref().map(|given| given.text.clone());
    if !given.as_ref().is_some_and(|given| row.play.advice.is(given)) {
        row.wrong.push(format!("the first advice is {given:?}, not {:?}", row.play.advice));
    }
    row.given = given;
    if let Some(wanted) = row.play.report.clone() {
        check_report(row, &wanted, daemon)?;
    }
    Ok(())
}

/// What the report says before anything is changed.
fn check_report(row: &mut Row, wanted: &WantedReport, daemon: &Daemon) -> Result<()> {
    let text = daemon.report("--markdown", &row.play.ports)?;
    let missing = wanted.holds.iter().filter(|words| !text.contains(*words));
    row.wrong.extend(missing.map(|words| format!("the report does not say {words:?}: {text}")));
    let model = Model::parse(&daemon.report("--json", &row.play.ports)?)?;
    let idle = |endpoint: &Endpoint| {
        let timer =
            endpoint.timers.iter().find(|timer| timer.side == Side::Server && timer.phase == "idle")?;
        endpoint.candidates(timer).first().map(|candidate| candidate.setting.clone())
    };
    let first = model.endpoints.iter().find_map(idle);
    if first.as_ref() != Some(&wanted.first) {
        row.wrong.push(format!("the first candidate is {first:?}, not {:?}", wanted.first));
    }
    Ok(())
}

fn check_cure(row: &mut Row, daemon: &Daemon) -> Result<()> {
    let Some(lost) = row.lost_after else { return Ok(()) };
    if lost > 0 {
        row.wrong.push(format!("{lost} requests were lost in spite of the advice"));
    }
    let report = daemon.report("--markdown", &row.play.ports)?;
    if lost == 0 && report.contains("requests were lost") {
        row.wrong.push(format!("nothing was lost any more, and the report says: {report}"));
    }
    Ok(())
}

impl Outcome {
    /// Plays that were played.
    pub fn played(&self) -> usize {
        self.rows.iter().filter(|row| row.absent.is_none()).count()
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.rows)
    }

    fn is_right(&self) -> bool {
        self.played() > 0 && self.rows.iter().all(|row| row.wrong.is_empty())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| play | lost | first advice | lost as advised | |\n|---|---|---|---|---|")?;
        let number = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        for Row { play, absent, lost, advice, lost_after, wrong, .. } in &self.rows {
            let advice = absent.as_ref().or(advice.as_ref()).map_or("-", String::as_str);
            let word = match absent {
                Some(_) => "not played",
                None if wrong.is_empty() => "ok",
                None => "WRONG",
            };
            let (lost, after) = (number(*lost), number(*lost_after));
            writeln!(f, "| {} | {lost} | {advice} | {after} | {word} |", play.name)?;
        }
        let wrong = self.rows.iter().filter(|row| !row.wrong.is_empty()).count();
        writeln!(f, "\n{} plays; {wrong} wrong", self.played())?;
        for row in &self.rows {
            row.wrong.iter().try_for_each(|wrong| writeln!(f, "{}: {wrong}", row.play.name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_play_has_its_program_and_what_it_needs() {
        for play in Options::default().plays() {
            assert!(Path::new(PROGRAMS).join(&play.run[0]).is_file(), "{}", play.name);
            assert!(!play.ports.is_empty() && !play.needs().is_empty(), "{}", play.name);
        }
    }
}
