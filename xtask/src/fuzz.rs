//! `cargo xtask fuzz`: arbitrary bytes for everything that reads bytes, with cargo-fuzz.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::{process, report::Report, workspace::Workspace};

const TARGETS: [&str; 5] = ["framing", "conversation", "decode", "heads", "btf"];
/// For all targets together.
const DEFAULT_SECONDS: u64 = 600;
/// One input takes microseconds; one that takes this many seconds is a loop.
const TOO_SLOW: u64 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seconds for each target.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SECONDS / TARGETS.len() as u64)]
    seconds: u64,
    /// Only this target.
    #[arg(value_parser = TARGETS)]
    target: Option<String>,
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    ensure!(
        process::find_program("cargo-fuzz", &[]).is_some(),
        "cargo-fuzz is missing; `cargo install cargo-fuzz` provides it"
    );
    let mut report = Report::new("fuzz");
    for target in TARGETS.iter().filter(|target| args.target.as_deref().is_none_or(|only| only == **target)) {
        report.step(*target, || run(workspace, target, args.seconds));
    }
    report.finish()
}

fn run(workspace: &Workspace, target: &str, seconds: u64) -> Result<()> {
    let dir = workspace.root().join("fuzz");
    let build = workspace.target().join("fuzz");
    let mut command = workspace.cargo();
    command.env_remove("CARGO_TARGET_DIR");
    // Coverage needs no nightly compiler, only leave to ask for it; a sanitizer would.
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(&dir);
    command.arg("--target-dir").arg(&build).arg(target).arg(corpus(&build, target)?);
    command.args(seeds(&dir, target)).arg("--");
    command.args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={TOO_SLOW}"),
        "-max_len=8192".to_owned(),
        "-print_final_stats=1".to_owned(),
    ]);
    process::run(&mut command)
}

/// Where new inputs are kept: not in the sources.
fn corpus(build: &Path, target: &str) -> Result<std::path::PathBuf> {
    let dir = build.join("corpus").join(target);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Inputs to begin with, if there are any in the sources.
fn seeds(dir: &Path, target: &str) -> Option<std::path::PathBuf> {
    Some(dir.join("seeds").join(target)).filter(|seeds| seeds.is_dir())
}
