//! `lab`: prints a table or a page of what real software did and what the agent reported of it; 1 when anything is wrong.

mod commands;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use lab::{cache, suite};

use crate::commands::Command;

/// Brings real software to end connections and checks what the agent says.
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    after_help = "`cargo xtask lab` also takes --install: it installs what is missing first."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The agent under test
    #[arg(long, value_name = "FILE", global = true, default_value = "target/release/whohungup")]
    agent: PathBuf,

    /// Where software is kept that the lab installs [default: $WHOHUNGUP_LAB_CACHE, or whohungup-lab in the user's cache]
    #[arg(long, value_name = "DIR", global = true)]
    state: Option<PathBuf>,

    /// Play nothing; name what is not installed, one `manager package` a line, after where it belongs
    #[arg(long, global = true, overrides_with = "needs")]
    needs: bool,

    /// One JSON object a line for each that was compared, instead of the table
    #[arg(long, global = true)]
    json: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool> {
    let state = match cli.state {
        Some(state) => std::path::absolute(state).context("resolve the cache's path")?,
        None => cache::directory()?,
    };
    let context = suite::Context::new(cli.agent, state);
    if !cli.needs {
        commands::stop_on_signals(&context)?;
        return cli.command.run(&context, cli.json);
    }
    println!("into {}", context.state.display());
    let missing = cli.command.missing(&context)?;
    let lines = missing.into_iter().map(|need| format!("{} {}", need.manager(), need.package()));
    // Several programs may come of one package.
    for line in lines.collect::<BTreeSet<_>>() {
        println!("{line}");
    }
    Ok(true)
}
