//! `lab`: prints a table, of phase by software by side or of timers; 1 when anything in it is wrong.

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use lab::{cases, false_alarms, races, run, table::Table, timers};

/// Brings real software to end connections and checks what the agent says.
#[derive(Debug, Parser)]
#[command(name = "lab")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play, and print the table
    InFlight(InFlight),
    /// Lose requests to idle closes, and print what was true by what was said
    Races(Races),
    /// Let real software's own time-outs end idle connections; print what the report says of them
    Timers(Timers),
    /// Replay a founding case, and print what happened, what the report says and what holds
    Case(Case),
    /// Do to healthy connections what looks like a failure; print what was said of it
    FalseAlarms(FalseAlarms),
    /// Name what is not installed, one `manager package` a line
    Needs(Needs),
}

#[derive(Debug, clap::Args)]
struct Chosen {
    /// Where the virtual environment and compilers' caches are kept
    #[arg(long, value_name = "DIR", default_value = "target/lab")]
    state: PathBuf,

    /// Only software whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct InFlight {
    #[command(flatten)]
    chosen: Chosen,

    /// The agent under test
    #[arg(long, value_name = "FILE", default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// Only cases whose name contains this (may be repeated)
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,

    /// One JSON object per compared end instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Races {
    /// The agent under test
    #[arg(long, value_name = "FILE", default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// How many requests to send after a gap
    #[arg(long, value_name = "COUNT", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    requests: u32,

    /// What chance decides; without it, another seed each time
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// One JSON object per compared end instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Timers {
    #[command(flatten)]
    chosen: Chosen,

    /// The agent under test
    #[arg(long, value_name = "FILE", default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// Only timers under ten seconds
    #[arg(long)]
    quick: bool,

    /// One JSON object per end of each case instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Case {
    /// Which, such as case-000
    name: String,

    #[command(flatten)]
    chosen: Chosen,

    /// The agent under test
    #[arg(long, value_name = "FILE", default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// The time-outs as people have them, not scaled down
    #[arg(long)]
    real_time: bool,

    /// Write the page and its pictures to this directory instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct FalseAlarms {
    #[command(flatten)]
    chosen: Chosen,

    /// The agent under test
    #[arg(long, value_name = "FILE", default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// One JSON object per trap instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Needs {
    #[command(flatten)]
    chosen: Chosen,

    /// What `timers` plays, not what `in-flight` does
    #[arg(long)]
    timers: bool,

    /// What this case plays
    #[arg(long, value_name = "NAME", conflicts_with = "timers")]
    case: Option<String>,

    /// What the false alarms need
    #[arg(long, conflicts_with_all = ["timers", "case"])]
    false_alarms: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::InFlight(args) => in_flight(&args),
        Command::Races(args) => lose_requests(&args),
        Command::Timers(args) => timers(&args),
        Command::Case(args) => case(&args),
        Command::FalseAlarms(args) => false_alarms(&args),
        Command::Needs(args) => needs(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_flight(args: &InFlight) -> Result<bool> {
    let InFlight { chosen, agent, case, json } = args;
    let options = run::Options {
        agent: agent.clone(),
        state: std::path::absolute(&chosen.state)?,
        only: chosen.only.clone(),
        cases: case.clone(),
        stop: stop_flag()?,
    };
    let outcome = run::run(&options)?;
    let table = Table { lines: &outcome.lines, judged: &outcome.judged, strays: &outcome.played.strays };
    let totals = table.totals();
    let mut out = std::io::stdout().lock();
    if *json {
        for judged in &outcome.judged {
            serde_json::to_writer(&mut out, judged)?;
            writeln!(out)?;
        }
        for stray in &outcome.played.strays {
            serde_json::to_writer(&mut out, stray)?;
            writeln!(out)?;
        }
    } else {
        write!(out, "{table}")?;
    }
    if let Some(witness) = &outcome.witness {
        eprintln!("{witness}");
    }
    for note in &outcome.notes {
        eprintln!("{note}");
    }
    eprintln!("took {:.0} s", outcome.took.as_secs_f64());
    Ok(totals.compared > 0 && totals.wrong == 0 && totals.lost == 0 && totals.strays == 0)
}

fn lose_requests(args: &Races) -> Result<bool> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    eprintln!("seed {seed}");
    let options = races::Options {
        agent: args.agent.clone(),
        requests: args.requests,
        seed,
        hasty: false,
        lingering: true,
        stop: stop_flag()?,
    };
    let outcome = races::run(&options)?;
    let table = races::table::Table(&outcome);
    let mut out = std::io::stdout().lock();
    if args.json {
        for judged in &outcome.judged {
            serde_json::to_writer(&mut out, judged)?;
            writeln!(out)?;
        }
    } else {
        write!(out, "{table}")?;
    }
    for note in &outcome.notes {
        eprintln!("{note}");
    }
    eprintln!("took {:.0} s", outcome.took.as_secs_f64());
    Ok(table.is_right())
}

fn timers(args: &Timers) -> Result<bool> {
    let Timers { chosen, agent, quick, json } = args;
    let options = timers::Options {
        agent: agent.clone(),
        state: std::path::absolute(&chosen.state)?,
        only: chosen.only.clone(),
        quick: *quick,
        stop: stop_flag()?,
    };
    let outcome = timers::run(&options)?;
    let table = timers::Table { judged: &outcome.judged, absent: &outcome.absent };
    let totals = table.totals();
    let mut out = std::io::stdout().lock();
    if *json {
        for judged in &outcome.judged {
            serde_json::to_writer(&mut out, judged)?;
            writeln!(out)?;
        }
    } else {
        write!(out, "{table}")?;
    }
    eprintln!("took {:.0} s", outcome.took.as_secs_f64());
    Ok(totals.compared > 0 && totals.right == totals.compared)
}

fn case(args: &Case) -> Result<bool> {
    let Case { name, chosen, agent, real_time, out } = args;
    let options = cases::Options {
        agent: agent.clone(),
        state: std::path::absolute(&chosen.state)?,
        only: chosen.only.clone(),
        real_time: *real_time,
        stop: stop_flag()?,
    };
    let outcome = cases::run(cases::find(name)?, &options)?;
    match out {
        Some(directory) => cases::Page(&outcome).keep(directory)?,
        None => write!(std::io::stdout().lock(), "{}", cases::Page(&outcome))?,
    }
    for (stage, check) in outcome.failed() {
        eprintln!("{stage}: does not hold: {} ({})", check.what, check.found);
    }
    let failed = outcome.failed().count();
    eprintln!("{failed} of {} checks failed; took {:.0} s", outcome.checks(), outcome.took.as_secs_f64());
    Ok(outcome.checks() > 0 && failed == 0)
}

fn false_alarms(args: &FalseAlarms) -> Result<bool> {
    let FalseAlarms { chosen, agent, json } = args;
    let options = false_alarms::Options {
        agent: agent.clone(),
        state: std::path::absolute(&chosen.state)?,
        only: chosen.only.clone(),
        stop: stop_flag()?,
    };
    let played = false_alarms::run(&options)?;
    let table = false_alarms::Table(&played.rows);
    let totals = table.totals();
    let mut out = std::io::stdout().lock();
    if *json {
        for row in &played.rows {
            serde_json::to_writer(&mut out, row)?;
            writeln!(out)?;
        }
    } else {
        write!(out, "{table}")?;
    }
    eprintln!("took {:.0} s", played.took.as_secs_f64());
    Ok(totals.ends > 0 && totals.wolves == 0 && totals.strays == 0)
}

/// Set by the first SIGINT or SIGTERM, so that the programs under test are ended; the second ends the lab.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag,
    };
    let stop = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&stop)).context("install a signal handler")?;
        flag::register(signal, Arc::clone(&stop)).context("install a signal handler")?;
    }
    Ok(stop)
}

fn needs(args: &Needs) -> Result<bool> {
    let Needs { chosen, timers, case, false_alarms } = args;
    let state = std::path::absolute(&chosen.state)?;
    let (only, stop) = (chosen.only.clone(), Arc::default());
    let missing = if let Some(name) = case {
        let options = cases::Options { agent: PathBuf::new(), state, only, real_time: false, stop };
        cases::missing(cases::find(name)?, &options)?
    } else if *false_alarms {
        let agent = PathBuf::new();
        false_alarms::missing(&false_alarms::Options { agent, state, only, stop })?
    } else if *timers {
        timers::missing(&timers::Options { agent: PathBuf::new(), state, only, quick: false, stop })?
    } else {
        run::missing(&run::Options { agent: PathBuf::new(), state, only, cases: Vec::new(), stop })?
    };
    for need in missing {
        println!("{} {}", need.manager(), need.package());
    }
    Ok(true)
}
