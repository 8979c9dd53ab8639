//! The two compilers that can build the probes: Debian's `rustc-web`, or rustup's nightly.
//!
//! Both need the sources of `core`, which has no compiled form for a BPF target.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::rustc::{Rustc, Version};
use crate::process;

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// Variables of the cargo that runs this xtask, or of its user, which must not reach the other compiler.
const FOREIGN_VARIABLES: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Debian's rustc-web, cargo-web and rust-web-src under /usr.
    Debian,
    /// The nightly toolchain of rustup with its rust-src component.
    Nightly,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "Debian's rustc",
            Self::Nightly => "rustup's nightly",
        })
    }
}

/// A compiler that can build the probes.
#[derive(Debug)]
pub(crate) struct Toolchain {
    kind: Kind,
    pub(crate) rustc: Rustc,
    pub(crate) sysroot: PathBuf,
}

impl Toolchain {
    /// Takes the wanted compiler, or the first that is usable; says what each lacks when none is.
    pub(crate) fn find(wanted: Option<Kind>) -> Result<Self> {
        let kinds = wanted.map_or_else(|| vec![Kind::Debian, Kind::Nightly], |kind| vec![kind]);
        let mut problems = Vec::new();
        for kind in kinds {
            match Self::probe(kind) {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => problems.push(format!("{kind} is not usable ({error:#})")),
            }
        }
        bail!("{}", problems.join("; "));
    }

    fn probe(kind: Kind) -> Result<Self> {
        if kind == Kind::Debian {
            for program in [DEBIAN_RUSTC, DEBIAN_CARGO] {
                ensure!(Path::new(program).is_file(), "{program} is missing");
            }
        } else {
            ensure!(process::find_program("rustup", &[]).is_some(), "rustup is missing");
        }
        let rustc = Rustc::parse(&process::output(program(kind, "rustc").arg("-vV"))?)?;
        let minimum =
            Version::parse(env!("CARGO_PKG_RUST_VERSION")).context("parse this package's rust-version")?;
        ensure!(rustc.release >= minimum, "it is {}, older than {minimum}", rustc.release);

        let sysroot = process::output(program(kind, "rustc").args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim());
        let core = library_sources(&sysroot).join("core/Cargo.toml");
        let remedy = match kind {
            Kind::Debian => "package rust-web-src",
            Kind::Nightly => "rustup component add rust-src --toolchain nightly",
        };
        ensure!(core.is_file(), "the sources of `core` are missing: {remedy}");
        Ok(Self { kind, rustc, sysroot })
    }

    /// A cargo of this toolchain, allowed to build `core`.
    pub(crate) fn cargo(&self) -> Command {
        program(self.kind, "cargo")
    }

    /// The directories that the sources of `core` are compiled from, under every name they go by.
    pub(crate) fn source_directories(&self) -> Vec<PathBuf> {
        let mut directories = vec![self.sysroot.join("lib/rustlib/src/rust")];
        directories.extend(fs::canonicalize(&directories[0]).ok().filter(|real| *real != directories[0]));
        directories
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, LLVM {}", self.kind, self.rustc.line, self.rustc.llvm)
    }
}

fn library_sources(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

fn program(kind: Kind, name: &str) -> Command {
    let mut command = match kind {
        Kind::Debian => {
            let mut command = Command::new(if name == "cargo" { DEBIAN_CARGO } else { DEBIAN_RUSTC });
            // Debian ships no nightly; its compiler is built from the same sources and only guards the switch.
            command.env("RUSTC_BOOTSTRAP", "1");
            command
        }
        Kind::Nightly => {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", name]);
            command
        }
    };
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    if kind == Kind::Debian {
        command.env("RUSTC", DEBIAN_RUSTC);
    }
    command
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_outer_cargo_does_not_reach_the_probe_compiler() {
        for kind in [Kind::Debian, Kind::Nightly] {
            let command = program(kind, "cargo");

            let removed = command.get_envs().any(|(key, value)| key == "RUSTUP_TOOLCHAIN" && value.is_none());
            assert!(removed, "{kind}");
        }
    }

    #[test]
    fn debian_uses_its_own_rustc_whatever_path_says() {
        let command = program(Kind::Debian, "cargo");

        assert_eq!(command.get_program(), DEBIAN_CARGO);
        let rustc = command.get_envs().find(|(key, _)| *key == "RUSTC").and_then(|(_, value)| value);
        assert_eq!(rustc, Some(OsStr::new(DEBIAN_RUSTC)));
    }
}
