//! Software for the lab: Debian packages into the system, everything else into the lab's cache.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use super::needs::Needs;
use crate::{
    debian::{self, Apt},
    process, python,
    workspace::Workspace,
};

/// Installs what is missing; nothing runs when nothing is. Two at once wait for each other.
pub(super) fn provide(workspace: &Workspace, ask: &dyn Fn() -> Result<Needs>) -> Result<()> {
    let needs = ask()?;
    if needs.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&needs.into).with_context(|| format!("create {}", needs.into.display()))?;
    let lock = needs.into.join("install.lock");
    let lock = fs::File::create(&lock).with_context(|| format!("create {}", lock.display()))?;
    lock.lock().context("wait for another installation")?;
    // The other one may have installed the same.
    let needs = ask()?;
    apt(&needs.apt)?;
    npm(&needs.into.join("npm"), &needs.npm)?;
    python::install(&needs.into.join("venv"), &needs.pypi)?;
    if let Some(sources) = &needs.cargo {
        rust(workspace, &needs.into.join("rust"), sources)?;
    }
    let left = ask()?;
    ensure!(left.is_empty(), "installed, and still missing: {}", left.names().join(" "));
    Ok(())
}

fn apt(packages: &[String]) -> Result<()> {
    match Apt::detect() {
        _ if packages.is_empty() => Ok(()),
        Some(apt) => apt.install(packages, "that the lab needs"),
        None => bail!("there is no apt; on Debian: {}", debian::install_line(&packages.join(" "))),
    }
}

fn npm(directory: &Path, packages: &[String]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if process::find_program("npm", &[]).is_none() {
        apt(&["npm".to_owned()])?;
    }
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--save-exact", "--prefix"]).arg(directory);
    process::run(npm.args(packages))
}

/// `sources` is written down when the programs are made of them.
fn rust(workspace: &Workspace, target: &Path, sources: &str) -> Result<()> {
    let manifest = workspace.root().join("tests/lab/programs/rust/Cargo.toml");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target);
    process::run(&mut cargo)?;
    let built = target.join("built");
    fs::write(&built, sources).with_context(|| format!("write {}", built.display()))
}
