//! The tarball: the program with all that belongs to it, for hosts without a package manager of ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Release, stage::Stage};
use crate::process;

pub(super) fn make(release: &Release, stage: &Stage, to: &Path) -> Result<PathBuf> {
    let name = format!("whohungup-{}-{}-linux", release.version, release.machine.name());
    // The folder that unpacking makes.
    let folder = to.join(&name);
    let stage = stage.copied(&folder)?;
    stage.settle_times(release.epoch)?;
    let (tar, file) = (to.join(format!("{name}.tar")), to.join(format!("{name}.tar.gz")));
    process::run(
        Command::new("tar")
            .args(["--create", "--format=gnu", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .arg(format!("--mtime=@{}", release.epoch))
            .arg("--file")
            .arg(&tar)
            .arg("--directory")
            .arg(to)
            .arg(&name),
    )?;
    // Without the name and the time, which gzip would note.
    process::run(Command::new("gzip").args(["-9", "--no-name"]).arg(&tar))?;
    fs::remove_dir_all(&folder).context("remove what was packed")?;
    Ok(file)
}
