//! The BPF compiler, linker and objcopy: found, or installed when asked.
//!
//! `core` has no compiled form for a BPF target, so a compiler is usable only with the sources of `core`.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::object::printable_strings;
use crate::{debian, debian::Apt, process, workspace::Workspace};

const LINKER_VERSION: &str = "0.13.0";
/// Debian's compiler beside rustup's, with the sources of `core` and clippy.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];
const INSTALL_NIGHTLY: &str = "rustup toolchain install nightly --component rust-src,clippy";

/// Variables of the cargo that runs this xtask, or of its user, which must not reach the BPF compiler.
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
pub(crate) enum Toolchain {
    /// Debian's rustc-web, cargo-web and rust-web-src under /usr.
    Debian,
    /// The nightly toolchain of rustup with its rust-src component.
    Nightly,
}

impl Toolchain {
    /// The wanted compiler, or the first of the two that has the sources of `core` and `program`.
    fn find(wanted: Option<Self>, program: &str) -> Result<Self> {
        let candidates = wanted.map_or_else(|| vec![Self::Debian, Self::Nightly], |wanted| vec![wanted]);
        candidates
            .into_iter()
            .find(|toolchain| toolchain.has_core_sources() && toolchain.has(program))
            .with_context(|| {
                format!("no {program} with the sources of `core`, from Debian or rustup's nightly")
            })
    }

    fn has(self, program: &str) -> bool {
        process::output(self.command(program).arg("--version")).is_ok()
    }

    fn has_core_sources(self) -> bool {
        process::output(self.command("rustc").args(["--print", "sysroot"])).is_ok_and(|sysroot| {
            Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml").is_file()
        })
    }

    /// A program of this toolchain, allowed to build `core`.
    pub(crate) fn command(self, program: &str) -> Command {
        let mut command = match self {
            Self::Debian => Command::new(Path::new("/usr/bin").join(program)),
            Self::Nightly => Command::new("rustup"),
        };
        for variable in FOREIGN_VARIABLES {
            command.env_remove(variable);
        }
        match self {
            // Debian ships no nightly; its compiler is built from the same sources and only guards the switch.
            Self::Debian => command
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", "/usr/bin/rustc")
                .env("CARGO", "/usr/bin/cargo"),
            Self::Nightly => command.args(["run", "nightly", program]),
        };
        command
    }
}

/// Everything that a build of the probes needs.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) toolchain: Toolchain,
    /// First line of `rustc -vV`, as a person would quote it.
    pub(crate) rustc: String,
    pub(crate) llvm: String,
    pub(crate) linker: Linker,
    pub(crate) objcopy: PathBuf,
}

impl Tools {
    pub(crate) fn provide(workspace: &Workspace, wanted: Option<Toolchain>, install: bool) -> Result<Self> {
        let apt =
            if install { Some(Apt::detect().context("`--install` works only on Debian")?) } else { None };
        let toolchain = provide_toolchain(wanted, "cargo", apt.as_ref())?;
        let verbose = process::output(toolchain.command("rustc").arg("-vV"))?;
        let llvm = rustc_field(&verbose, "LLVM version")?;
        let llvm_major =
            llvm.split('.').next().unwrap_or(llvm).parse().context("parse rustc's LLVM version")?;
        let (linker, objcopy) = provide_llvm_tools(workspace, toolchain, llvm_major, apt.as_ref())?;
        let rustc = verbose.lines().next().unwrap_or_default().to_owned();
        Ok(Self { toolchain, rustc, llvm: llvm.to_owned(), linker, objcopy })
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "compiler: {}, LLVM {}\nlinker: {}\nstrip: {}",
            self.rustc,
            self.llvm,
            self.linker,
            self.objcopy.display()
        )
    }
}

/// A compiler that has `program`: `cargo` to build, `cargo-clippy` to check.
pub(crate) fn provide_toolchain(
    wanted: Option<Toolchain>,
    program: &str,
    apt: Option<&Apt>,
) -> Result<Toolchain> {
    let problem = match Toolchain::find(wanted, program) {
        Ok(toolchain) => return Ok(toolchain),
        Err(problem) => problem,
    };
    let Some(apt) = apt.filter(|_| wanted != Some(Toolchain::Nightly)) else {
        bail!(
            "{problem:#}\ninstall it: `cargo xtask build-ebpf --install` ({}), or {INSTALL_NIGHTLY}",
            debian::install_line(&DEBIAN_PACKAGES.join(" "))
        );
    };
    apt.install(&DEBIAN_PACKAGES.map(str::to_owned), "with the BPF compiler")?;
    Toolchain::find(Some(Toolchain::Debian), program)
}

fn provide_llvm_tools(
    workspace: &Workspace,
    toolchain: Toolchain,
    llvm_major: u32,
    apt: Option<&Apt>,
) -> Result<(Linker, PathBuf)> {
    let find = || anyhow::Ok((Linker::find(llvm_major)?, find_objcopy(toolchain, llvm_major)?));
    let problem = match find() {
        Ok(found) => return Ok(found),
        Err(problem) => problem,
    };
    let package = format!("llvm-{llvm_major}-dev");
    let prefix = format!("/usr/lib/llvm-{llvm_major}");
    let install = format!(
        "install bpf-linker --version {LINKER_VERSION} --locked --force --no-default-features --features llvm-{llvm_major}"
    );
    let Some(apt) = apt else {
        bail!(
            "{problem:#}\ninstall it: `cargo xtask build-ebpf --install` ({}; LLVM_PREFIX={prefix} \
             PATH={prefix}/bin:$PATH cargo {install})",
            debian::install_line(&package)
        );
    };
    eprintln!("{problem:#}");
    apt.install(&[package], "that bpf-linker is compiled against")?;
    process::run(
        workspace
            .cargo()
            .args(install.split(' '))
            .env("CARGO_TARGET_DIR", workspace.target().join("bpf-linker"))
            .env("LLVM_PREFIX", &prefix)
            .env("PATH", process::path_with(&Path::new(&prefix).join("bin"))?),
    )?;
    find()
}

#[derive(Debug)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    version: String,
    /// `None` when its binary does not show it.
    llvm_major: Option<u32>,
}

impl Linker {
    /// Finds a bpf-linker that can read the bitcode of an LLVM of this major version.
    fn find(llvm_major: u32) -> Result<Self> {
        // `cargo install` puts programs into directories that need not be on `PATH`.
        let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
        let roots = [env::var_os("CARGO_INSTALL_ROOT"), env::var_os("CARGO_HOME")]
            .map(|root| root.map(PathBuf::from));
        let directories: Vec<_> =
            roots.into_iter().chain([home]).flatten().map(|root| root.join("bin")).collect();
        let path = process::find_program("bpf-linker", &directories).context("bpf-linker is missing")?;
        let version = process::output(Command::new(&path).arg("--version"))?.trim().to_owned();
        let binary = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let linker = Self { path, version, llvm_major: llvm_in_binary(&binary) };
        linker.check(llvm_major)?;
        Ok(linker)
    }

    fn check(&self, needed: u32) -> Result<()> {
        ensure!(
            self.llvm_major.is_none_or(|own| own >= needed),
            "{self} cannot read what rustc's LLVM {needed} writes ({})",
            self.path.display()
        );
        Ok(())
    }
}

impl fmt::Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.llvm_major {
            Some(major) => write!(f, "{} (LLVM {major})", self.version),
            None => write!(f, "{} (LLVM unknown)", self.version),
        }
    }
}

/// Reads the LLVM major from the library that a binary loads (`libLLVM.so.22.1`, `libLLVM-22.so`) or, in one that is
/// linked statically, from the producer that it writes into bitcode (`LLVM22.1.8`).
fn llvm_in_binary(binary: &[u8]) -> Option<u32> {
    printable_strings(binary).find_map(|text| {
        let (_, rest) = text.split_once("LLVM")?;
        let rest = rest.strip_prefix(".so.").or_else(|| rest.strip_prefix('-')).unwrap_or(rest);
        rest.split_once('.').filter(|(major, _)| major.len() == 2)?.0.parse().ok()
    })
}

/// LLVM's own objcopy, since GNU's knows no BPF; rustup's toolchains have it under another name.
fn find_objcopy(toolchain: Toolchain, llvm_major: u32) -> Result<PathBuf> {
    let libraries = process::output(toolchain.command("rustc").args(["--print", "target-libdir"]))?;
    process::find_program("rust-objcopy", &[Path::new(libraries.trim()).with_file_name("bin")])
        .or_else(|| {
            process::find_program("llvm-objcopy", &[format!("/usr/lib/llvm-{llvm_major}/bin").into()])
        })
        .context("llvm-objcopy is missing")
}

fn rustc_field<'a>(verbose: &'a str, key: &str) -> Result<&'a str> {
    let mut lines = verbose.lines();
    lines
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        .with_context(|| format!("find `{key}` in the output of `rustc -vV`"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_outer_cargo_does_not_reach_the_bpf_compiler() {
        for toolchain in [Toolchain::Debian, Toolchain::Nightly] {
            let command = toolchain.command("cargo");
            assert!(command.get_envs().any(|(key, value)| key == "RUSTUP_TOOLCHAIN" && value.is_none()));
        }
        let rustc = OsStr::new("/usr/bin/rustc");
        assert!(
            Toolchain::Debian
                .command("cargo")
                .get_envs()
                .any(|pair| pair == (OsStr::new("RUSTC"), Some(rustc)))
        );
    }

    #[test]
    fn names_the_field_that_rustc_does_not_print() {
        let verbose = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(rustc_field(verbose, "LLVM version").unwrap(), "22.1.8");
        assert!(rustc_field(verbose, "host").unwrap_err().to_string().contains("host"));
    }

    #[test]
    fn reads_llvm_from_the_binary() {
        assert_eq!(llvm_in_binary(b"\0libLLVM.so.22.1\0libc.so.6\0"), Some(22));
        assert_eq!(llvm_in_binary(b"\0libLLVM-19.so.1\0"), Some(19));
        assert_eq!(llvm_in_binary(b"LLVM0700\0LLVM 20 builds\0LLVM23.1.0"), Some(23));
        assert_eq!(llvm_in_binary(b"\0LLVM22"), None);
    }

    #[test]
    fn an_older_llvm_is_refused_and_a_newer_or_unknown_one_taken() {
        let check =
            |llvm_major| Linker { path: PathBuf::new(), version: String::new(), llvm_major }.check(22);
        assert!(check(Some(21)).is_err());
        assert!([Some(22), Some(23), None].into_iter().all(|llvm_major| check(llvm_major).is_ok()));
    }
}
