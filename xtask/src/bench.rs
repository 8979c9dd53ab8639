//! `cargo xtask bench`: what the agent costs, by the interleaved method.

use anyhow::{Result, ensure};

use crate::{process, workspace, workspace::Workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Passed on to the benchmark: `--pairs N`, `--window 50ms`, part of a row's name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    ensure!(workspace::is_root(), "the benchmark loads probes: run it as root");
    let mut command = workspace.cargo();
    command.args(["run", "--release", "-p", "whohungup", "--example", "bench", "--"]).args(&args.rest);
    process::run(&mut command)
}
