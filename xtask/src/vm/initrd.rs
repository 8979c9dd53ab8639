//! The machine's only file system: busybox, the agent, and three modules.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Arch, Guest,
    archive::{Archive, Kernel},
};
use crate::process;

/// What the scenarios of the selftest need beyond a cloud kernel: SOCK_DESTROY and a device on the path.
const MODULES: [&str; 3] = ["inet_diag", "tcp_diag", "tun"];

/// Writes what `result` reads: lines that begin with `@`.
const INIT: &str = include_str!("init.sh");

pub(super) fn make(
    archive: &Archive,
    kernel: &Kernel,
    guest: &Guest,
    agent: &Path,
    scenario: Option<&str>,
) -> Result<PathBuf> {
    let root = tempdir(&kernel.modules, guest)?;
    let busybox =
        |arch| Ok::<_, anyhow::Error>(archive.unpacked("busybox-static", arch)?.join("bin/busybox"));
    copy(&busybox(guest.arch)?, &root.join("bin/busybox"))?;
    copy(agent, &root.join("bin/whohungup"))?;
    for module in MODULES {
        if let Some(found) = find(&kernel.modules, module) {
            unpack(&found, &root.join("lib").join(format!("{module}.ko")))?;
        }
    }
    let init = root.join("init");
    fs::write(&init, INIT.replace("SCENARIO", scenario.unwrap_or_default())).context("write /init")?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).context("make /init a program")?;
    let file = root.with_extension("cpio");
    let archived = Command::new("sh")
        .args(["-c", "find . | \"$1\" cpio -o -H newc > \"$2\"", "sh"])
        .arg(busybox(Arch::Amd64)?)
        .arg(&file)
        .current_dir(&root)
        .stderr(Stdio::null())
        .status()
        .context("make the initrd")?;
    ensure!(archived.success(), "busybox made no initrd of {}: {archived}", root.display());
    fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
    Ok(file)
}

/// An empty folder beside that of the unpacked packages.
fn tempdir(package: &Path, guest: &Guest) -> Result<PathBuf> {
    let unpacked = package.parent().context("find the folder of the kernels")?;
    let root = unpacked.with_file_name(format!("{guest}.initrd"));
    let _left_over = fs::remove_dir_all(&root);
    for folder in ["bin", "lib", "dev", "proc", "sys", "tmp", "run", "etc"] {
        fs::create_dir_all(root.join(folder)).with_context(|| format!("create {}", root.display()))?;
    }
    Ok(root)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).with_context(|| format!("copy {}", from.display()))
}

/// The file of a module, compressed or not.
fn find(dir: &Path, module: &str) -> Option<PathBuf> {
    let plain = format!("{module}.ko");
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if entry.file_name().to_str().is_some_and(|name| name.starts_with(&plain)) {
                return Some(path);
            }
        }
    }
    None
}

/// The signature stays: it is part of what was compressed.
fn unpack(from: &Path, to: &Path) -> Result<()> {
    if from.extension().is_some_and(|extension| extension == "xz") {
        let file = fs::File::create(to).with_context(|| format!("create {}", to.display()))?;
        return process::run(Command::new("xz").args(["-dc"]).arg(from).stdout(file));
    }
    copy(from, to)
}
