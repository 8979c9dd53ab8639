//! The field: small inputs that stand for what was met with real software and told wrongly once. Each is a program of its
//! own that plays server and client; what must be reported of each end stands beside it (`plays/field.toml`).
//!
//! What is right was decided by packet captures when a play was written; a play does the same every time.

mod want;

use std::{
    collections::BTreeMap,
    fmt, thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use harness::{Close, Daemon, Watch, wait};
use serde::{Deserialize, Serialize};

use self::want::Want;

use crate::{
    catalogue::{self, Need},
    kit::Kit,
    plays,
    suite::{self, Context, Results, Suite, absence, is_chosen, json_lines},
};

/// Plays at once: most of them wait, and some keep a processor busy.
const AT_ONCE: usize = 6;
/// A pool's forgotten connection is reported after 5 s.
const REPORTED_WITHIN: Duration = Duration::from_secs(20);

/// Reads inside TLS.
const INSIDE: &[&str] = &["--tls", "openssl"];

/// Which plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Table {
    #[default]
    Field,
    /// Whose a socket is, with real containers.
    Workloads,
    /// Databases, caches and brokers, with real clients and pools.
    Pools,
    /// TLS and HTTP/2, from outside and from inside.
    Tls,
}

impl Table {
    const fn plays(self) -> &'static str {
        match self {
            Self::Field => include_str!("../plays/field.toml"),
            Self::Workloads => include_str!("../plays/workloads.toml"),
            Self::Pools => {
                concat!(include_str!("../plays/pools.toml"), "\n", include_str!("../plays/sockets.toml"))
            }
            Self::Tls => include_str!("../plays/tls.toml"),
        }
    }

    const fn programs(self) -> &'static str {
        match self {
            Self::Field => concat!(env!("CARGO_MANIFEST_DIR"), "/programs/field"),
            Self::Workloads => concat!(env!("CARGO_MANIFEST_DIR"), "/programs/workloads"),
            Self::Pools => concat!(env!("CARGO_MANIFEST_DIR"), "/programs/pools"),
            Self::Tls => concat!(env!("CARGO_MANIFEST_DIR"), "/programs/tls"),
        }
    }

    /// Options of the watches that look on, each in a mode of its own.
    const fn modes(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Field | Self::Workloads | Self::Pools => &[&[]],
            Self::Tls => &[&[], INSIDE],
        }
    }
}

#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Only plays whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Play all of them so many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: usize,
    #[arg(skip)]
    pub table: Table,
}

/// One play, as the file has it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Play {
    name: String,
    /// What it stands for.
    kind: String,
    run: Vec<String>,
    needs: Vec<String>,
    ports: Vec<u16>,
    end: Vec<Want>,
    /// The same where the agent reads inside TLS, if it is not the same.
    #[serde(default)]
    inside: Vec<Want>,
    #[serde(default)]
    report: Words,
}

/// What a report must hold, and must not.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Words {
    holds: Vec<String>,
    lacks: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    play: Play,
    /// How often what was reported.
    reported: BTreeMap<String, usize>,
    wrong: Vec<String>,
    absent: Option<String>,
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
        let all = plays::read::<File>(self.table.plays()).play;
        all.into_iter().filter(|play| is_chosen(&self.only, &play.name)).collect()
    }
}

impl Play {
    fn needs(&self) -> Vec<Need> {
        catalogue::needs(&self.needs)
    }

    fn is_ours(&self, close: &Close) -> bool {
        // Another's client may have one of them as its own.
        let server = match &*close.role {
            "server" => close.local.port(),
            "client" => close.remote.port(),
            _ => return [close.local, close.remote].iter().any(|end| self.ports.contains(&end.port())),
        };
        self.ports.contains(&server)
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

/// Plays everything while a watch and a daemon look on, then compares what they reported.
///
/// # Errors
/// When the agent cannot be run, or in CI software is missing.
pub fn run(options: &Options, context: &Context) -> Result<Outcome> {
    let kit = context.kit()?;
    let mut rows = Vec::new();
    for _ in 0..options.times {
        let plays = options.plays();
        ensure!(!plays.is_empty(), "no play is called {:?}", options.only);
        rows.extend(once(context, &kit, plays, options.table)?);
    }
    Ok(Outcome { rows })
}

fn once(context: &Context, kit: &Kit, plays: Vec<Play>, table: Table) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for play in plays {
        let absent = absence(kit, &play.name, &play.needs())?;
        rows.push(Row { play, reported: BTreeMap::new(), wrong: Vec::new(), absent });
    }
    let modes = table.modes();
    let watches = modes.iter().map(|options| Watch::at(&context.agent, &[], options));
    let watches: Vec<Watch> = watches.collect::<Result<_>>()?;
    let daemon = Daemon::start(&context.agent)?;
    let played = rows.iter_mut().filter(|row| row.absent.is_none());
    suite::at_once(AT_ONCE, played.take_while(|_| !context.is_stopped()), |row| {
        if let Err(error) = plays::run(kit, table.programs(), &row.play.run, &[]) {
            row.wrong.push(format!("it was not played: {error:#}"));
        }
    });
    context.ensure_not_stopped()?;
    for row in rows.iter_mut().filter(|row| row.absent.is_none()) {
        for (watch, options) in watches.iter().zip(modes) {
            compare(row, watch, options);
        }
        read_report(row, &daemon)?;
    }
    watches.into_iter().try_for_each(|watch| watch.finish().map(drop))?;
    Ok(rows)
}

fn compare(row: &mut Row, watch: &Watch, options: &[&str]) {
    let play = &row.play;
    let wants = if options == INSIDE && !play.inside.is_empty() { &play.inside } else { &play.end };
    let ours = || -> Vec<Close> {
        watch.look(|closes| closes.all().filter(|close| play.is_ours(close)).cloned().collect())
    };
    let until = Instant::now() + REPORTED_WITHIN;
    while !want::is_complete(wants, &ours()) && Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    let closes = ours();
    let mode = options.join(" ");
    let wrong = want::compare(wants, &closes);
    row.wrong.extend(wrong.into_iter().map(|wrong| format!("{mode} {wrong}").trim_start().to_owned()));
    for close in &closes {
        let said = format!("{mode} {}", want::summary(close)).trim_start().to_owned();
        *row.reported.entry(said).or_default() += 1;
    }
}

fn read_report(row: &mut Row, daemon: &Daemon) -> Result<()> {
    let play = &row.play;
    if play.report.holds.is_empty() && play.report.lacks.is_empty() {
        return Ok(());
    }
    let report =
        wait::until("a report", REPORTED_WITHIN, || daemon.report("--markdown", &play.ports).map(Some))?;
    let holds = play.report.holds.iter().filter(|words| !report.contains(*words));
    row.wrong.extend(holds.map(|words| format!("the report does not say {words:?}: {report}")));
    let lacks = play.report.lacks.iter().filter(|words| report.contains(*words));
    row.wrong.extend(lacks.map(|words| format!("the report says {words:?}: {report}")));
    Ok(())
}

impl Outcome {
    /// Plays that were played, and ends of closes that were compared.
    pub fn totals(&self) -> (usize, usize) {
        let played = self.rows.iter().filter(|row| row.absent.is_none());
        (played.clone().count(), played.flat_map(|row| row.reported.values()).sum())
    }
}

impl Results for Outcome {
    fn json(&self) -> Result<String> {
        json_lines(&self.rows)
    }

    fn is_right(&self) -> bool {
        self.totals().1 > 0 && self.rows.iter().all(|row| row.wrong.is_empty())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| play | stands for | reported | |\n|---|---|---|---|")?;
        for Row { play, reported, wrong, absent } in &self.rows {
            let all = reported.iter().map(|(words, count)| format!("{count} {words}"));
            let said = absent.clone().unwrap_or_else(|| all.collect::<Vec<_>>().join(", "));
            let word = match absent {
                Some(_) => "not played",
                None if wrong.is_empty() => "ok",
                None => "WRONG",
            };
            writeln!(f, "| {} | {} | {said} | {word} |", play.name, play.kind)?;
        }
        let (played, ends) = self.totals();
        let wrong = self.rows.iter().filter(|row| !row.wrong.is_empty()).count();
        writeln!(f, "\n{played} plays: {ends} ends of closes compared; {wrong} plays wrong")?;
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
    fn every_play_has_its_program_and_a_port_of_its_own() {
        let of = |table| {
            let plays = Options { table, ..Options::default() }.plays();
            plays.into_iter().map(move |play| (table, play))
        };
        let plays: Vec<(Table, Play)> =
            [Table::Field, Table::Workloads, Table::Pools, Table::Tls].into_iter().flat_map(of).collect();
        let mut ports: Vec<u16> = plays.iter().flat_map(|(_, play)| play.ports.clone()).collect();
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
        for (table, play) in &plays {
            assert!(Path::new(table.programs()).join(&play.run[0]).is_file(), "{}", play.name);
            assert!(!play.end.is_empty() && !play.needs().is_empty(), "{}", play.name);
        }
    }
}
