//! What the program is made of, in CycloneDX, by OWASP's tool.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{Release, members};
use crate::{process, workspace::Workspace};

const TOOL: &str = "cargo-cyclonedx";

pub(super) fn make(workspace: &Workspace, release: &Release, to: &Path) -> Result<PathBuf> {
    provide(workspace)?;
    let name = format!("whohungup-{}-{}.cdx", release.version, release.machine.name());
    process::run(
        workspace
            .cargo()
            .args(["cyclonedx", "--quiet", "--format", "json", "--no-build-deps"])
            .args(["--target", &release.machine.target(), "--override-filename", &name])
            .env("SOURCE_DATE_EPOCH", release.epoch.to_string()),
    )?;
    // The tool writes one beside each manifest of the workspace.
    let file = to.join(format!("{name}.json"));
    for member in members(workspace)? {
        let written = member.manifest_path.with_file_name(format!("{name}.json"));
        if member.name == "whohungup" {
            fs::copy(&written, &file).with_context(|| format!("copy {}", written.display()))?;
        }
        fs::remove_file(&written).with_context(|| format!("remove {}", written.display()))?;
    }
    Ok(file)
}

/// Compiles the tool unless it is there.
fn provide(workspace: &Workspace) -> Result<()> {
    if process::output(workspace.cargo().args(["cyclonedx", "--version"])).is_ok() {
        return Ok(());
    }
    let target = workspace.target().join(TOOL);
    process::run(workspace.cargo().args(["install", TOOL, "--locked"]).env("CARGO_TARGET_DIR", target))
        .context("install cargo-cyclonedx")
}
