//! `cargo xtask dashboards`: that the dashboards are what their sources make and what Grafana takes, and that a
//! Prometheus that has seen the agent at work answers all they ask. The programs are in `dashboards/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    process,
    workspace::{self, Workspace},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Also record agents at work, and ask their Prometheus all that the dashboards ask (needs root).
    #[arg(long)]
    live: bool,
    /// For how many seconds to record.
    #[arg(long, default_value_t = SECONDS, requires = "live")]
    seconds: u32,
    /// Draw the pictures of the docs from the recording.
    #[arg(long, requires = "live")]
    pictures: bool,
}

/// Long enough for a timeout to be inferred, for windows of a minute to fill, and for what is quiet to make room.
const SECONDS: u32 = 120;
const PICTURES: &str = "docs/dashboards";

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    check(workspace)?;
    if !args.live {
        return Ok(());
    }
    let pictures = args.pictures.then(|| workspace.root().join(PICTURES));
    record(workspace, args.seconds, pictures.as_deref(), &|_| {})
}

/// Whether npm is there, which builds and checks them.
pub(crate) fn can_be_checked() -> bool {
    npm_program().is_some()
}

/// Whether the files are what their sources make, Grafana's types have nothing against them, and all names are known.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut check = npm(workspace)?;
    process::run(check.args(["run", "--silent", "check"]))
}

/// Records agents, and asks what the dashboards ask.
pub(crate) fn live(workspace: &Workspace, customise: &dyn Fn(&mut Command)) -> Result<()> {
    record(workspace, SECONDS, None, customise)
}

fn record(
    workspace: &Workspace,
    seconds: u32,
    pictures: Option<&Path>,
    customise: &dyn Fn(&mut Command),
) -> Result<()> {
    ensure!(workspace::is_root(), "the agents that are recorded load probes: run it as root");
    process::run(workspace.cargo().args(["build", "-p", "whohungup", "-p", "testserver"]))?;
    let built = |name: &str| -> PathBuf { workspace.target().join("debug").join(name) };
    let mut live = npm(workspace)?;
    live.args(["run", "--silent", "live", "--", "--seconds", &seconds.to_string()]);
    live.arg("--agent").arg(built("whohungup")).arg("--testserver").arg(built("testserver"));
    if let Some(folder) = pictures {
        live.arg("--pictures").arg(folder);
    }
    customise(&mut live);
    process::run(&mut live)
}

/// npm in the folder of the dashboards, with what they need installed as the lock file says.
fn npm(workspace: &Workspace) -> Result<Command> {
    let program =
        npm_program().context("find npm, which builds and checks the dashboards: install the package npm")?;
    let folder = workspace.root().join("dashboards");
    let npm = || {
        let mut command = Command::new(&program);
        command.current_dir(&folder);
        command
    };
    if !folder.join("node_modules/.package-lock.json").is_file() {
        process::run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    }
    Ok(npm())
}

fn npm_program() -> Option<PathBuf> {
    process::find_program("npm", &[])
}
