//! `cargo xtask lab`: the agent against real software, by the program in tests/lab, which knows its own options.

mod install;
mod needs;

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use self::needs::Needs;
use crate::{
    process,
    workspace::{self, Workspace},
};

/// It reads a capture that was made, and watches nothing.
const WATCHES_NOTHING: &str = "explain";

#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What to play, and its options: `--help` names them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PLAY")]
    words: Vec<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let (install, words): (Vec<_>, Vec<_>) = args.words.iter().cloned().partition(|word| word == "--install");
    process::run(workspace.cargo().args(["build", "-p", "lab"]))?;
    let has =
        |option: &str| words.iter().any(|word| word == option || word.starts_with(&format!("{option}=")));
    if words.is_empty() || has("--help") || has("-h") {
        let words = if words.is_empty() { vec!["--help".to_owned()] } else { words };
        return process::run(lab(workspace).args(words));
    }
    if !install.is_empty() {
        provide_built(workspace, &words)?;
    }
    let mut lab = lab(workspace);
    lab.args(&words);
    if has("--needs") || has(WATCHES_NOTHING) {
        return process::run(&mut lab);
    }
    ensure!(workspace::is_root(), "the lab loads probes: run it as root");
    if !has("--agent") {
        process::run(workspace.cargo().args(["build", "--release", "-p", "whohungup"]))?;
        lab.arg("--agent").arg(workspace.target().join("release/whohungup"));
    }
    process::run(&mut lab)
}

/// Installs what a play with these options needs.
pub(crate) fn provide(workspace: &Workspace, words: &[&str]) -> Result<()> {
    process::run(workspace.cargo().args(["build", "-p", "lab"]))?;
    provide_built(workspace, words)
}

fn provide_built<S: AsRef<std::ffi::OsStr>>(workspace: &Workspace, words: &[S]) -> Result<()> {
    let ask = || {
        let said = process::output(lab(workspace).args(words).arg("--needs"))?;
        Needs::parse(&said).context("ask the lab what it needs")
    };
    install::provide(workspace, &ask)
}

fn lab(workspace: &Workspace) -> Command {
    Command::new(workspace.target().join("debug/lab"))
}
