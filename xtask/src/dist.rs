//! `cargo xtask dist`: what a release hands out, the same bytes from the same commit.

mod archive;
mod binary;
mod check;
mod deb;
mod image;
mod rpm;
mod sbom;
mod stage;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use self::{binary::Machine, stage::Stage};
use crate::{ebpf::sha256, process, workspace::Workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machine that it is for.
    #[arg(long, value_enum, default_value_t = Machine::X86_64)]
    machine: Machine,
    /// Package this statically linked binary instead of building one; it is stripped.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Install, upgrade and remove the packages in a Debian root made for it, and make them twice (needs root).
    #[arg(long)]
    check: bool,
}

/// What is made, and from what.
#[derive(Debug)]
pub(crate) struct Release {
    /// As Cargo.toml has it.
    version: String,
    machine: Machine,
    /// Seconds since 1970: the commit's time is the time of every file.
    epoch: u64,
}

impl Release {
    fn of(workspace: &Workspace, machine: Machine) -> Result<Self> {
        let agent = members(workspace)?.into_iter().find(|member| member.name == "whohungup");
        let version = agent.context("find the agent's package")?.version;
        Ok(Self { version, machine, epoch: commit_time(workspace)? })
    }
}

pub(crate) fn command(workspace: &Workspace, args: &Args) -> Result<()> {
    let release = Release::of(workspace, args.machine)?;
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => binary::build(workspace, &release)?,
    };
    // Not `dist`, where cargo keeps what it builds with the profile of that name.
    let made = make(workspace, &release, &binary, &workspace.target().join("packages"))?;
    for file in &made {
        eprintln!("{:>10} bytes  {}", fs::metadata(file)?.len(), file.display());
    }
    if args.check { check::check(workspace, &release, &binary) } else { Ok(()) }
}

/// Packages a binary that was built for tests, and plays what becomes of the packages.
pub(crate) fn check_packages(workspace: &Workspace, binary: &Path) -> Result<()> {
    check::check(workspace, &Release::of(workspace, Machine::X86_64)?, binary)
}

/// Everything of a release into the folder `to`, which is emptied.
fn make(workspace: &Workspace, release: &Release, binary: &Path, to: &Path) -> Result<Vec<PathBuf>> {
    let _left_over = fs::remove_dir_all(to);
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    let bom = sbom::make(workspace, release, to)?;
    let stage = Stage::lay(workspace, release, binary, &bom, &to.join("stage"))?;
    let mut made = packages(release, &stage, to)?;
    made.extend([archive::make(release, &stage, to)?, bom]);
    made.extend(image::make(workspace, release, &stage, to)?);
    made.push(sums(&made, to)?);
    Ok(made)
}

/// What a package manager installs.
fn packages(release: &Release, stage: &Stage, to: &Path) -> Result<Vec<PathBuf>> {
    Ok(vec![deb::make(release, stage, to)?, rpm::make(release, stage, to)?])
}

/// `SHA256SUMS`, as `sha256sum --check` reads it.
fn sums(files: &[PathBuf], to: &Path) -> Result<PathBuf> {
    let mut text = String::new();
    for file in files {
        let name = file.file_name().context("name what was made")?.display();
        writeln!(text, "{}  {name}", digest(file)?)?;
    }
    let path = to.join("SHA256SUMS");
    fs::write(&path, text).context("write SHA256SUMS")?;
    Ok(path)
}

fn digest(file: &Path) -> Result<String> {
    Ok(sha256(&fs::read(file).with_context(|| format!("read {}", file.display()))?))
}

/// A package of the workspace.
#[derive(Debug, Deserialize)]
struct Member {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

fn members(workspace: &Workspace) -> Result<Vec<Member>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Member>,
    }
    let text = process::output(workspace.cargo().args(["metadata", "--no-deps", "--format-version=1"]))?;
    let metadata: Metadata = serde_json::from_str(&text).context("parse `cargo metadata`")?;
    Ok(metadata.packages)
}

/// Of a tree without git, such as an unpacked archive: `SOURCE_DATE_EPOCH` says it.
fn commit_time(workspace: &Workspace) -> Result<u64> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return given.trim().parse().context("read SOURCE_DATE_EPOCH");
    }
    let mut git = std::process::Command::new("git");
    let time = process::output(git.current_dir(workspace.root()).args(["log", "-1", "--format=%ct"]))
        .context("ask git for the time of the commit; without git, set SOURCE_DATE_EPOCH")?;
    time.trim().parse().context("read the time of the commit")
}
