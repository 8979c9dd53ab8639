//! The `.rpm`, made by `rpmbuild`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{Release, stage::Stage};
use crate::process;

const SPEC: &str = include_str!("rpm/whohungup.spec");

pub(super) fn make(release: &Release, stage: &Stage, to: &Path) -> Result<PathBuf> {
    let top = to.join("rpm");
    let spec = top.join("whohungup.spec");
    fs::create_dir_all(&top).with_context(|| format!("create {}", top.display()))?;
    let files = stage.files()?;
    let folders = folders(&files).into_iter().map(|folder| format!("%dir /{folder}\n"));
    let files: Vec<_> = folders.chain(files.iter().map(|file| line(stage, file))).collect();
    let text = SPEC
        .replace("VERSION", &release.version)
        .replace("STAGE", &stage.root.display().to_string())
        .replace("FILES", files.concat().trim_end());
    fs::write(&spec, text).context("write the spec file")?;
    let machine = release.machine.name();
    process::run(
        Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--target", &format!("{machine}-linux")])
            .arg("--define")
            .arg(format!("_topdir {}", top.display()))
            .arg(&spec)
            .env("SOURCE_DATE_EPOCH", release.epoch.to_string()),
    )
    .context("make the .rpm; rpmbuild is in Debian's package `rpm`")?;
    let name = format!("whohungup-{}-1.{machine}.rpm", release.version);
    let (built, file) = (top.join("RPMS").join(machine).join(&name), to.join(&name));
    fs::rename(&built, &file).with_context(|| format!("move {}", built.display()))?;
    fs::remove_dir_all(&top).context("remove what rpmbuild left")?;
    Ok(file)
}

/// Those that a system may not have otherwise, so that they go with the package.
fn folders(files: &[String]) -> BTreeSet<&str> {
    const SHELLS: [&str; 3] = ["usr/share/bash-completion", "usr/share/fish", "usr/share/zsh"];
    let is_ours = |folder: &&str| {
        folder.split('/').any(|part| part == "whohungup")
            || SHELLS.iter().any(|shell| folder.starts_with(shell))
    };
    files.iter().flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at])).filter(is_ours).collect()
}

/// rpmbuild would pack the manual pages itself, and names what it has not packed.
fn line(stage: &Stage, file: &str) -> String {
    let kind = if stage.config.contains(&file) {
        "%config(noreplace) "
    } else if file.starts_with("usr/share/doc/") || file.starts_with("usr/share/man/") {
        "%doc "
    } else {
        ""
    };
    format!("{kind}/{file}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_package_and_of_shells_go_with_it_and_those_of_the_system_stay() {
        let files = [
            "etc/whohungup/a.toml",
            "usr/bin/whohungup",
            "usr/share/fish/vendor_completions.d/whohungup.fish",
        ];
        let found = folders(&files.map(str::to_owned)).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(found, ["etc/whohungup", "usr/share/fish", "usr/share/fish/vendor_completions.d"]);
    }
}
