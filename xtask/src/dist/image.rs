//! The image: one file, made by Podman as deploy/Containerfile says.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Release, stage::Stage};
use crate::{process, workspace::Workspace};

/// `None` where there is no Podman.
pub(super) fn make(
    workspace: &Workspace,
    release: &Release,
    stage: &Stage,
    to: &Path,
) -> Result<Option<PathBuf>> {
    if process::find_program("podman", &[]).is_none() {
        eprintln!("no image: podman is missing");
        return Ok(None);
    }
    let context = to.join("image");
    fs::create_dir_all(&context).with_context(|| format!("create {}", context.display()))?;
    fs::copy(stage.binary(), context.join("whohungup")).context("copy the program")?;
    let tag = format!("localhost/whohungup:{}-{}", release.version, release.machine.debian());
    let epoch = release.epoch.to_string();
    process::run(
        Command::new("podman")
            .args(["build", "--quiet", "--timestamp", &epoch, "--arch", release.machine.debian()])
            .args(["--tag", &tag, "--file"])
            .arg(workspace.root().join("deploy/Containerfile"))
            .arg(&context),
    )?;
    let name = format!("whohungup-{}-{}-image.tar", release.version, release.machine.name());
    let file = to.join(name);
    process::run(
        Command::new("podman")
            .args(["save", "--quiet", "--format", "docker-archive", "--output"])
            .arg(&file)
            .arg(&tag),
    )?;
    process::run(Command::new("podman").args(["rmi", &tag]))?;
    fs::remove_dir_all(&context).context("remove the image's folder")?;
    Ok(Some(file))
}
