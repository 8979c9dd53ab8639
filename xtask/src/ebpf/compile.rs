//! Running the BPF compiler so that its output depends on the sources and the tools alone.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::tools::Tools;
use crate::{process, workspace::Workspace};

const PACKAGE: &str = "whohungup-ebpf";
const BINARY: &str = "whohungup-probes";
const TARGET: &str = "bpfel-unknown-none";

const CARGO_NAME: &str = "/cargo";
const ROOT_NAME: &str = "/whohungup";
const RUST_NAME: &str = "/rust";
const TARGET_NAME: &str = "/target";

const FLAGS: &[&str] = &[
    // aya-ebpf would take the host's: the object must be the same wherever it is built. Only `pt_regs` differs
    // between architectures; the probes on OpenSSL read it, and the agent attaches them on x86_64 alone.
    "--cfg=bpf_target_arch=\"x86_64\"",
    // bpf-linker makes BTF out of the debug information; the DWARF is stripped afterwards.
    "-Cdebuginfo=2",
    "-Clink-arg=--btf",
];

/// Set here and not left to the workspace's release profile, which is the agent's.
const PROFILE: &[(&str, &str)] = &[
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "2"),
    ("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_RELEASE_LTO", "false"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false"),
    ("CARGO_PROFILE_RELEASE_STRIP", "none"),
];

/// The linker's output and the directories that must not be named in it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) file: PathBuf,
    pub(crate) machine_paths: Vec<PathBuf>,
}

pub(crate) fn probes(workspace: &Workspace, tools: &Tools) -> Result<Compiled> {
    let target = workspace.bpf_target();
    let linker_directory = tools.linker.path.parent().context("find the directory of bpf-linker")?;
    let path = process::path_with(linker_directory)?;
    let cargo = || {
        let mut command = tools.toolchain.cargo();
        command.current_dir(workspace.root()).env("PATH", &path);
        command
    };

    // The registry's directories are to be renamed in the output, so they must exist before.
    process::run(cargo().args(["fetch", "--locked"])).context("fetch the dependencies")?;
    let remaps = remaps(workspace, tools, &target)?;

    process::run(
        cargo()
            .args(["build", "--locked", "--release", "-Zbuild-std=core", "--target", TARGET])
            .args(["--package", PACKAGE, "--bin", BINARY, "--features", "probes"])
            .arg("--target-dir")
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", encoded_flags(&remaps))
            .envs(PROFILE.iter().copied()),
    )
    .context("compile the probes")?;

    let file = target.join(TARGET).join("release").join(BINARY);
    let home = env::var_os("HOME").map(PathBuf::from);
    let machine_paths =
        remaps.into_iter().map(|(from, _)| from).chain(home).filter(|path| !is_neutral(path)).collect();
    Ok(Compiled { file, machine_paths })
}

/// True for a directory that happens to have one of the new names, as a checkout in a container may.
fn is_neutral(path: &Path) -> bool {
    [CARGO_NAME, ROOT_NAME, RUST_NAME, TARGET_NAME].iter().any(|name| Path::new(name).starts_with(path))
}

/// Directories of this machine and the names they get; rustc takes the last one that fits.
fn remaps(workspace: &Workspace, tools: &Tools, target: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo_home = cargo_home()?;
    let mut remaps = vec![(cargo_home.clone(), CARGO_NAME), (workspace.root().to_path_buf(), ROOT_NAME)];
    remaps.extend(tools.toolchain.source_directories().into_iter().map(|directory| (directory, RUST_NAME)));
    remaps.push((target.to_path_buf(), TARGET_NAME));
    // The names of these directories tell which registry, or which mirror of it, the packages came from.
    remaps
        .extend(subdirectories(&cargo_home.join("registry/src")).into_iter().map(|path| (path, CARGO_NAME)));
    Ok(remaps)
}

fn cargo_home() -> Result<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
        .context("find cargo's home: neither CARGO_HOME nor HOME is set")
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Joins flags the way cargo wants them, so that a path may hold spaces.
fn encoded_flags(remaps: &[(PathBuf, &str)]) -> OsString {
    let mut encoded = OsString::from(FLAGS.join("\u{1f}"));
    for (from, to) in remaps {
        encoded.push("\u{1f}--remap-path-prefix=");
        encoded.push(from);
        encoded.push("=");
        encoded.push(to);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_separated_by_the_unit_separator() {
        let encoded = encoded_flags(&[(PathBuf::from("/a b"), "/whohungup")]);

        let text = encoded.to_str().unwrap();
        let flags: Vec<_> = text.split('\u{1f}').collect();
        assert_eq!(flags.len(), FLAGS.len() + 1);
        assert_eq!(flags.last(), Some(&"--remap-path-prefix=/a b=/whohungup"));
    }

    #[test]
    fn a_directory_with_a_new_name_is_neutral() {
        assert!(is_neutral(Path::new("/whohungup")));
        assert!(is_neutral(Path::new("/")));
        assert!(!is_neutral(Path::new("/srv/whohungup")));
    }

    #[test]
    fn subdirectories_are_sorted_and_leave_files_out() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join("file"), "").unwrap();

        assert_eq!(
            subdirectories(directory.path()),
            [directory.path().join("a"), directory.path().join("b")]
        );
        assert!(subdirectories(&directory.path().join("missing")).is_empty());
    }
}
