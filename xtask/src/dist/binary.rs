//! The program of a release: static, stripped, and with no path of the machine that built it.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::Release;
use crate::{process, workspace::Workspace};

/// A target, by the name that Rust and Linux have for its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Machine {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "aarch64")]
    Aarch64,
}

impl Machine {
    /// As Rust, rpm and `uname -m` say.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As Debian and container images say.
    pub(super) const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    pub(super) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.name())
    }

    /// Whether its programs run here.
    pub(super) fn is_here(self) -> bool {
        env::consts::ARCH == self.name()
    }

    /// What a name of a tool begins with: `aarch64-linux-gnu-strip`; nothing where the machine is this one.
    pub(super) fn tool(self, name: &str) -> String {
        if self.is_here() { name.to_owned() } else { format!("{}-linux-gnu-{name}", self.name()) }
    }
}

pub(super) fn build(workspace: &Workspace, release: &Release) -> Result<PathBuf> {
    let target = release.machine.target();
    let mut command = workspace.cargo();
    command
        .args(["build", "--locked", "--profile", "dist", "--package", "whohungup", "--bin", "whohungup"])
        .args(["--target", &target])
        .env("SOURCE_DATE_EPOCH", release.epoch.to_string())
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace)?.join("\x1f"))
        // C code of dependencies: debug information would be stripped, but its paths decide a build id.
        .env("CFLAGS", "-g0");
    if !release.machine.is_here() {
        let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
        command.env(linker, release.machine.tool("gcc"));
    }
    process::run(&mut command)?;
    Ok(workspace.target().join(target).join("dist/whohungup"))
}

/// A `--target` keeps them from build scripts and macros, which cannot be static.
fn flags(workspace: &Workspace) -> Result<Vec<String>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo =
        home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).context("find cargo's home")?;
    let mut flags = vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        // Addresses to be moved at the start take 4 KB instead of 270.
        "-Clink-arg=-Wl,-z,pack-relative-relocs".to_owned(),
    ];
    if links_with_lld()? {
        flags.push("-Clink-arg=-Wl,--icf=all".to_owned());
    }
    for (from, to) in [(workspace.root().to_path_buf(), "whohungup"), (cargo, "cargo")] {
        flags.push(format!("--remap-path-prefix={}=/{to}", from.display()));
    }
    Ok(flags)
}

/// Rust's own linker folds functions that are the same; GNU's does not know the option.
fn links_with_lld() -> Result<bool> {
    let root = process::output(Command::new("rustc").args(["--print", "target-libdir"]))?;
    Ok(PathBuf::from(root.trim()).with_file_name("bin").join("gcc-ld").is_dir())
}
