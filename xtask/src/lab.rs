//! `cargo xtask lab`: the agent against real software, by the program in tests/lab.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    debian::{self, Apt},
    process,
    workspace::{self, Workspace},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    table: Table,
}

#[derive(Debug, clap::Subcommand)]
enum Table {
    /// End real servers' and clients' connections in every phase; print phase by software by side.
    InFlight(InFlight),
    /// Lose requests to idle closes over loopback and a slow wire; print what was true by what was said.
    Races(Races),
    /// Let real software's own time-outs end idle connections; print what `report` says of them.
    Timers(Timers),
    /// Do to healthy connections what looks like a failure; print what was said of it.
    FalseAlarms(FalseAlarms),
    /// Replay a founding case: egg on a function platform, whose second POST after a pause fails.
    #[command(name = "case-000")]
    Case000(Case),
}

#[derive(Debug, clap::Args)]
struct InFlight {
    /// Only software whose name contains this (may be repeated).
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only cases whose name contains this (may be repeated).
    #[arg(long, value_name = "NAME")]
    case: Vec<String>,
    /// Install the software that is missing.
    #[arg(long)]
    install: bool,
    /// One JSON object per compared end instead of the table.
    #[arg(long)]
    json: bool,
    /// The agent under test; without it the workspace's own, built for release.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Races {
    /// How many requests to send after a gap.
    #[arg(long, value_name = "COUNT")]
    requests: Option<u32>,
    /// What chance decides; without it, another seed each time.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// One JSON object per compared end instead of the table.
    #[arg(long)]
    json: bool,
    /// The agent under test; without it the workspace's own, built for release.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Timers {
    /// Only cases whose name contains this (may be repeated).
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only timers under ten seconds.
    #[arg(long)]
    quick: bool,
    /// Install the software that is missing.
    #[arg(long)]
    install: bool,
    /// One JSON object per end of each case instead of the table.
    #[arg(long)]
    json: bool,
    /// The agent under test; without it the workspace's own, built for release.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct FalseAlarms {
    /// Only traps whose name contains this (may be repeated).
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Install the software that is missing.
    #[arg(long)]
    install: bool,
    /// One JSON object per trap instead of the table.
    #[arg(long)]
    json: bool,
    /// The agent under test; without it the workspace's own, built for release.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Case {
    /// Only stages whose name contains this (may be repeated).
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The time-outs as people have them, not scaled down.
    #[arg(long)]
    real_time: bool,
    /// Install the software that is missing.
    #[arg(long)]
    install: bool,
    /// Write the page and its pictures to this directory instead of printing it.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The agent under test; without it the workspace's own, built for release.
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    ensure!(workspace::is_root(), "the lab loads probes: run it as root");
    process::run(workspace.cargo().args(["build", "-p", "lab"]))?;
    match &args.table {
        Table::InFlight(args) => in_flight(workspace, args),
        Table::Races(args) => races(workspace, args),
        Table::Timers(args) => timers(workspace, args),
        Table::FalseAlarms(args) => false_alarms(workspace, args),
        Table::Case000(args) => case(workspace, "case-000", args),
    }
}

fn races(workspace: &Workspace, args: &Races) -> Result<()> {
    let mut lab = program(workspace, "races");
    lab.arg("--agent").arg(agent(workspace, args.agent.as_deref())?);
    if let Some(requests) = args.requests {
        lab.args(["--requests", &requests.to_string()]);
    }
    if let Some(seed) = args.seed {
        lab.args(["--seed", &seed.to_string()]);
    }
    if args.json {
        lab.arg("--json");
    }
    process::run(&mut lab)
}

/// The agent under test, by its absolute path.
fn agent(workspace: &Workspace, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(agent) = given {
        return std::path::absolute(agent).context("resolve the agent's path");
    }
    process::run(workspace.cargo().args(["build", "--release", "-p", "whohungup"]))?;
    Ok(workspace.target().join("release/whohungup"))
}

fn timers(workspace: &Workspace, args: &Timers) -> Result<()> {
    let state = workspace.target().join("lab");
    if args.install {
        install(&state, lab(workspace, "needs", &state, &args.only).arg("--timers"))?;
    }
    let mut lab = lab(workspace, "timers", &state, &args.only);
    lab.arg("--agent").arg(agent(workspace, args.agent.as_deref())?);
    lab.args(args.quick.then_some("--quick")).args(args.json.then_some("--json"));
    process::run(&mut lab)
}

fn in_flight(workspace: &Workspace, args: &InFlight) -> Result<()> {
    let state = workspace.target().join("lab");
    if args.install {
        install(&state, &mut lab(workspace, "needs", &state, &args.only))?;
    }
    let mut lab = lab(workspace, "in-flight", &state, &args.only);
    lab.arg("--agent").arg(agent(workspace, args.agent.as_deref())?);
    for case in &args.case {
        lab.args(["--case", case]);
    }
    if args.json {
        lab.arg("--json");
    }
    process::run(&mut lab)
}

fn false_alarms(workspace: &Workspace, args: &FalseAlarms) -> Result<()> {
    let state = workspace.target().join("lab");
    if args.install {
        install(&state, lab(workspace, "needs", &state, &args.only).arg("--false-alarms"))?;
    }
    let mut lab = lab(workspace, "false-alarms", &state, &args.only);
    lab.arg("--agent").arg(agent(workspace, args.agent.as_deref())?);
    lab.args(args.json.then_some("--json"));
    process::run(&mut lab)
}

fn case(workspace: &Workspace, name: &str, args: &Case) -> Result<()> {
    let state = workspace.target().join("lab");
    if args.install {
        install(&state, lab(workspace, "needs", &state, &args.only).args(["--case", name]))?;
    }
    let mut lab = lab(workspace, "case", &state, &args.only);
    lab.arg(name).arg("--agent").arg(agent(workspace, args.agent.as_deref())?);
    lab.args(args.real_time.then_some("--real-time"));
    if let Some(directory) = &args.out {
        lab.arg("--out").arg(std::path::absolute(directory).context("resolve the pages' directory")?);
    }
    process::run(&mut lab)
}

fn program(workspace: &Workspace, what: &str) -> Command {
    let mut command = Command::new(workspace.target().join("debug/lab"));
    command.current_dir(workspace.root()).arg(what);
    command
}

fn lab(workspace: &Workspace, what: &str, state: &Path, only: &[String]) -> Command {
    let mut command = program(workspace, what);
    command.arg("--state").arg(state);
    for name in only {
        command.args(["--only", name]);
    }
    command
}

/// Debian packages into the system, packages from PyPI and npm into directories of the lab's own.
fn install(state: &Path, needs: &mut Command) -> Result<()> {
    let needs = Needs::parse(&process::output(needs)?)?;
    let apt = Apt::detect();
    let apt_install = |packages: &[String]| match &apt {
        _ if packages.is_empty() => Ok(()),
        Some(apt) => apt.install(packages, "that the lab needs"),
        None => bail!("there is no apt; on Debian: {}", debian::install_line(&packages.join(" "))),
    };
    apt_install(&needs.apt)?;
    if !needs.npm.is_empty() {
        if process::find_program("npm", &[]).is_none() {
            apt_install(&["npm".to_owned()])?;
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(state.join("npm"));
        process::run(npm.args(&needs.npm))?;
    }
    if needs.pypi.is_empty() {
        return Ok(());
    }
    let venv = state.join("venv");
    if !venv.join("bin/python").is_file() {
        let python = process::find_program("python3", &[]).context("find python3")?;
        // Debian's Python comes without what makes environments.
        let probe = ["-c", "import ensurepip, venv"];
        if process::output(Command::new(&python).args(probe)).is_err() {
            apt_install(&["python3-venv".to_owned()])?;
        }
        process::run(Command::new(&python).args(["-m", "venv"]).arg(&venv))?;
    }
    let mut pip = Command::new(venv.join("bin/python"));
    process::run(pip.args(["-m", "pip", "install", "--quiet"]).args(&needs.pypi))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    apt: Vec<String>,
    pypi: Vec<String>,
    npm: Vec<String>,
}

impl Needs {
    /// From lines of `manager package`.
    fn parse(text: &str) -> Result<Self> {
        let mut needs = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("apt", package)) => needs.apt.push(package.to_owned()),
                Some(("pypi", package)) => needs.pypi.push(package.to_owned()),
                Some(("npm", package)) => needs.npm.push(package.to_owned()),
                _ => bail!("the lab needs what nothing installs: {line:?}"),
            }
        }
        Ok(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_sorted_by_who_installs_them() {
        let needs = Needs::parse("apt curl\npypi grpcio\napt haproxy\nnpm undici@7\n").unwrap();

        assert_eq!(needs.apt, ["curl", "haproxy"]);
        assert_eq!(needs.pypi, ["grpcio"]);
        assert_eq!(needs.npm, ["undici@7"]);
        assert_eq!(Needs::parse("").unwrap(), Needs::default());
    }

    #[test]
    fn an_unknown_manager_is_refused() {
        assert!(Needs::parse("gem puma\n").is_err());
        assert!(Needs::parse("curl\n").is_err());
    }
}
