//! The `.deb`, made by `dpkg-deb`. Its scripts do as debhelper's for a package with one unit.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use super::{
    Release,
    stage::{Stage, write},
};
use crate::process;

const CONTROL: &str = include_str!("deb/control");
const COPYRIGHT: &str = include_str!("deb/copyright");
const SCRIPTS: [(&str, &str); 3] = [
    ("postinst", include_str!("deb/postinst")),
    ("prerm", include_str!("deb/prerm")),
    ("postrm", include_str!("deb/postrm")),
];

pub(super) fn make(release: &Release, stage: &Stage, to: &Path) -> Result<PathBuf> {
    let root = to.join("deb");
    let stage = stage.copied(&root)?;
    // Where Debian's zsh looks.
    let zsh = root.join("usr/share/zsh");
    fs::rename(zsh.join("site-functions"), zsh.join("vendor-completions"))
        .context("move zsh's completions")?;
    stage.write("usr/share/doc/whohungup/copyright", COPYRIGHT, 0o644)?;
    let files = stage.files()?;
    let size = files.iter().map(|file| Ok(fs::metadata(root.join(file))?.len())).sum::<Result<u64>>()?;
    let control = CONTROL
        .replace("VERSION", &version(release))
        .replace("ARCHITECTURE", release.machine.debian())
        .replace("KIBIBYTES", &size.div_ceil(1024).to_string());
    stage.write("DEBIAN/control", control, 0o644)?;
    let sums = process::output(Command::new("md5sum").current_dir(&root).arg("--").args(&files))?;
    stage.write("DEBIAN/md5sums", sums, 0o644)?;
    if !stage.config.is_empty() {
        let named: Vec<_> = stage.config.iter().map(|file| format!("/{file}\n")).collect();
        stage.write("DEBIAN/conffiles", named.concat(), 0o644)?;
    }
    for (name, script) in SCRIPTS {
        write(&root.join("DEBIAN").join(name), script.as_bytes(), 0o755)?;
    }
    stage.settle_times(release.epoch)?;
    let file = to.join(format!("whohungup_{}_{}.deb", version(release), release.machine.debian()));
    process::run(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Zxz", "--build"])
            .args([&root, &file])
            .env("SOURCE_DATE_EPOCH", release.epoch.to_string()),
    )?;
    fs::remove_dir_all(&root).context("remove what was packed")?;
    Ok(file)
}

/// With the number of the package, as Debian's archive has it.
fn version(release: &Release) -> String {
    format!("{}-1", release.version)
}
