//! What is played is data: the files in `plays`, and the programs that they name.

use std::{env, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;

use crate::kit::Kit;

const PLAYED_WITHIN: Duration = Duration::from_mins(2);

/// # Panics
/// When a file of the lab's own sources is not what its reader says.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("a file in tests/lab/plays")
}

/// Plays `run`, a program in the folder `programs` with its arguments, to its end. What it printed.
pub(crate) fn run(kit: &Kit, programs: &str, run: &[String], variables: &[(&str, &str)]) -> Result<String> {
    let (program, arguments) = run.split_first().context("a program")?;
    let directory = kit.directory()?;
    let own = kit.state().join("venv/bin");
    let path = env::var("PATH").unwrap_or_default();
    let mut command = Command::new(Path::new(programs).join(program));
    command
        .args(arguments)
        .current_dir(&directory)
        .env("PATH", format!("{}:{path}:/usr/sbin:/sbin", own.display()))
        .env("NODE_PATH", kit.modules())
        .envs(variables.iter().copied());
    let mut running = harness::Program::start(&mut command, &directory, program)?;
    let status = running.await_end(PLAYED_WITHIN).with_context(|| format!("play {program}"))?;
    let text = running.text();
    ensure!(status.success(), "{program} ended with {status}: {text}");
    Ok(text)
}
