//! The lab's commands: each plays a suite and prints what came of it.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use lab::{
    cases,
    catalogue::Need,
    cures, engines, explain, false_alarms, field, in_flight,
    matrix::{self, bursts},
    races,
    suite::{self, Context, Suite},
    timers,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// End real servers' and clients' connections in every phase; print how each was reported
    InFlight(in_flight::Options),
    /// Lose requests to idle closes over loopback and a slow wire; print what was true by what was reported
    Races(races::Options),
    /// Let real software's own timeouts end idle connections; print what `report` says of them
    Timers(timers::Options),
    /// Do to healthy connections what looks like a failure; print what was reported
    FalseAlarms(false_alarms::Options),
    /// Play what was met in the field and told wrongly once; print what was reported
    Field(field::Options),
    /// Play TLS and HTTP/2, read from outside and from inside; print what was reported
    Tls(field::Options),
    /// Let real containers talk; print whose the agent says that the connections are
    Workloads(field::Options),
    /// End connections to databases, caches and brokers in each way that their protocols have; print what was reported
    Pools(field::Options),
    /// Lose requests, do as the report's first advice says, and play again: nothing may be lost then
    Cures(cures::Options),
    /// Let many real clients talk to many real servers; print how that ended, and what was reported
    Matrix(matrix::Options),
    /// Send bursts to the matrix's servers while they are stopped when their idle timers are due; print what was reported
    Bursts(bursts::Options),
    /// Replay a founding case: egg on a function platform, whose second POST after a pause fails
    #[command(name = "case-000")]
    Case000(cases::Options),
    /// Replay a founding case: a gateway in front of model servers, with timeouts of its own on both sides
    #[command(name = "case-001")]
    Case001(cases::Options),
    /// Replay a founding case: whether Node's connections are used again, and what its shutdown waits for
    #[command(name = "case-002")]
    Case002(cases::Options),
    /// Replay a founding case: a streaming upload that pauses, and fails with ECONNRESET
    #[command(name = "case-003")]
    Case003(cases::Options),
    /// Let DuckDB, ClickHouse and pandas answer the queries of the docs over a record; print what they answered
    Engines(engines::Options),
    /// Play everything, one after another; print it all and a summary
    All(All),
    /// Tell what a packet capture proves of each connection in it, and draw it
    Explain(explain::Options),
}

#[derive(Debug, clap::Args)]
pub(crate) struct All {
    /// Write the cases' pages and pictures to this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Command {
    /// `None` for `all`, which plays the others.
    fn suite(&self) -> Result<Option<Box<dyn Suite + '_>>> {
        Ok(match self {
            Self::InFlight(options) => Some(Box::new(options.clone())),
            Self::Races(options) => Some(Box::new(options.clone())),
            Self::Timers(options) => Some(Box::new(options.clone())),
            Self::FalseAlarms(options) => Some(Box::new(options.clone())),
            Self::Field(options) => Some(Box::new(options.clone())),
            Self::Pools(options) => {
                Some(Box::new(field::Options { table: field::Table::Pools, ..options.clone() }))
            }
            Self::Workloads(options) => {
                Some(Box::new(field::Options { table: field::Table::Workloads, ..options.clone() }))
            }
            Self::Tls(options) => {
                Some(Box::new(field::Options { table: field::Table::Tls, ..options.clone() }))
            }
            Self::Cures(options) => Some(Box::new(options.clone())),
            Self::Matrix(options) => Some(Box::new(options.clone())),
            Self::Bursts(options) => Some(Box::new(options.clone())),
            Self::Case000(options) => Some(Box::new(cases::find("case-000", options)?)),
            Self::Case001(options) => Some(Box::new(cases::find("case-001", options)?)),
            Self::Case002(options) => Some(Box::new(cases::find("case-002", options)?)),
            Self::Case003(options) => Some(Box::new(cases::find("case-003", options)?)),
            Self::Engines(options) => Some(Box::new(options.clone())),
            Self::Explain(options) => Some(Box::new(options.clone())),
            Self::All(_) => None,
        })
    }

    /// What it needs that is not installed.
    pub(crate) fn missing(&self, context: &Context) -> Result<Vec<Need>> {
        if let Self::All(all) = self {
            let commands = all.commands()?;
            let missing = commands.iter().map(|(_, command)| command.missing(context));
            return Ok(missing.collect::<Result<Vec<_>>>()?.concat());
        }
        self.suite()?.map_or_else(|| Ok(Vec::new()), |one| suite::missing(&*one, context))
    }

    /// Plays and prints; false when anything is wrong.
    pub(crate) fn run(&self, context: &Context, json: bool) -> Result<bool> {
        if let Self::All(all) = self {
            return all.run(context, json);
        }
        let Some(one) = self.suite()? else { return Ok(true) };
        let began = Instant::now();
        let results = one.run(context)?;
        let text = if json { results.json()? } else { results.to_string() };
        std::io::stdout().lock().write_all(text.as_bytes()).context("print the results")?;
        results.notes().iter().for_each(|note| eprintln!("{note}"));
        eprintln!("took {:.0} s", began.elapsed().as_secs_f64());
        Ok(results.is_right())
    }
}

/// What is played, by name, in the order in which `all` plays it.
fn played() -> Vec<String> {
    let commands = Command::augment_subcommands(clap::Command::new("lab"));
    let names = commands.get_subcommands().map(|command| command.get_name().to_owned());
    // One reads what others captured.
    names.filter(|name| name != "explain" && name != "all").collect()
}

#[derive(Debug, Parser)]
struct One {
    #[command(subcommand)]
    command: Command,
}

impl All {
    fn commands(&self) -> Result<Vec<(String, Command)>> {
        let all = played().into_iter().map(|name| {
            let mut words = vec!["lab".into(), name.clone().into()];
            if let Some(out) = self.out.as_ref().filter(|_| name.starts_with("case-")) {
                words.extend(["--out".into(), out.clone().into_os_string()]);
            }
            Ok((name, One::try_parse_from(words)?.command))
        });
        all.collect()
    }

    fn run(&self, context: &Context, json: bool) -> Result<bool> {
        let mut all = Vec::new();
        for (name, command) in self.commands()? {
            println!("# {name}\n");
            let began = Instant::now();
            let result = command.run(context, json);
            ensure!(!context.stop.load(Ordering::Relaxed), "interrupted");
            all.push((name, result, began.elapsed()));
        }
        print!("{}", summary(&all));
        Ok(all.iter().all(|(_, result, _)| matches!(result, Ok(true))))
    }
}

fn summary(all: &[(String, Result<bool>, Duration)]) -> String {
    let mut text = String::from("\n# all\n\n");
    for (name, result, took) in all {
        let result = match result {
            Ok(true) => "right".to_owned(),
            Ok(false) => "WRONG".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let _infallible = writeln!(text, "{name:<14}{:>6.0} s  {result}", took.as_secs_f64());
    }
    text
}

/// The context's flag is set by the first SIGINT or SIGTERM, so that the programs under test are ended; the second ends
/// the lab.
pub(crate) fn stop_on_signals(context: &Context) -> Result<()> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag,
    };
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&context.stop))
            .context("install a signal handler")?;
        flag::register(signal, Arc::clone(&context.stop)).context("install a signal handler")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_played_is_played_by_all() {
        let played = played();
        assert_eq!(All { out: None }.commands().unwrap().len(), played.len());
        for name in cases::names() {
            assert!(played.iter().any(|one| one == name), "{name}");
        }
    }

    #[test]
    fn one_that_fails_is_told_with_its_reason() {
        let second = Duration::from_secs(1);
        let text = summary(&[
            ("races".to_owned(), Ok(false), second),
            ("timers".to_owned(), Err(anyhow::anyhow!("no agent")), second),
        ]);
        assert!(text.contains("races              1 s  WRONG\ntimers             1 s  no agent\n"), "{text}");
    }
}
