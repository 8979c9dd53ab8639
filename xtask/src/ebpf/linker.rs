//! bpf-linker: which one is here and which LLVM it carries.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{process, workspace::Workspace};

pub(crate) const VERSION: &str = "0.13.0";
/// LLVM majors that this version of bpf-linker has a feature for.
const SUPPORTED_LLVM: std::ops::RangeInclusive<u32> = 21..=23;

#[derive(Debug)]
pub(crate) struct Linker {
    pub(crate) path: PathBuf,
    version: String,
    /// `None` when neither its version line nor its binary says.
    llvm_major: Option<u32>,
}

impl fmt::Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.llvm_major {
            Some(major) => write!(f, "{} (LLVM {major})", self.version),
            None => write!(f, "{} (LLVM unknown)", self.version),
        }
    }
}

impl Linker {
    /// Finds a bpf-linker that can read the bitcode of an LLVM of this major version.
    pub(crate) fn find(llvm_major: u32) -> Result<Self> {
        let path =
            process::find_program("bpf-linker", &cargo_bin_directories()).context("bpf-linker is missing")?;
        let text = process::output(Command::new(&path).arg("--version"))?;
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        let binary = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let linker = Self { path, version, llvm_major: llvm_of(&text, &binary) };
        linker.check(llvm_major)?;
        Ok(linker)
    }

    fn check(&self, needed: u32) -> Result<()> {
        match self.llvm_major {
            Some(own) if own < needed => bail!(
                "bpf-linker has LLVM {own} and cannot read what rustc's LLVM {needed} writes ({})",
                self.path.display()
            ),
            Some(_) => Ok(()),
            None => {
                eprintln!(
                    "warning: cannot tell the LLVM of {self}; linking fails if it is older than {needed}"
                );
                Ok(())
            }
        }
    }
}

/// The installation that `install` runs, as a person would type it.
pub(crate) fn install_line(llvm_major: u32) -> String {
    let prefix = llvm_prefix(llvm_major);
    format!(
        "LLVM_PREFIX={prefix} PATH={prefix}/bin:$PATH cargo install bpf-linker --version {VERSION} --locked \
         --no-default-features --features llvm-{llvm_major}"
    )
}

/// Compiles bpf-linker against Debian's LLVM of this major version.
pub(crate) fn install(workspace: &Workspace, llvm_major: u32) -> Result<()> {
    ensure!(
        SUPPORTED_LLVM.contains(&llvm_major),
        "bpf-linker {VERSION} knows LLVM {} to {}, not {llvm_major}: raise VERSION and SUPPORTED_LLVM in \
         xtask/src/ebpf/linker.rs",
        SUPPORTED_LLVM.start(),
        SUPPORTED_LLVM.end()
    );
    let prefix = llvm_prefix(llvm_major);
    process::run(
        workspace
            .cargo()
            .args(["install", "bpf-linker", "--version", VERSION, "--locked", "--force"])
            .args(["--no-default-features", "--features", &format!("llvm-{llvm_major}")])
            .env("CARGO_TARGET_DIR", workspace.target().join("bpf-linker"))
            .env("LLVM_PREFIX", &prefix)
            .env("PATH", process::path_with(&Path::new(&prefix).join("bin"))?),
    )
    .context("install bpf-linker")
}

fn llvm_prefix(llvm_major: u32) -> String {
    format!("/usr/lib/llvm-{llvm_major}")
}

/// Where `cargo install` puts programs, which need not be on `PATH`.
fn cargo_bin_directories() -> Vec<PathBuf> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    [env::var_os("CARGO_INSTALL_ROOT").map(PathBuf::from), env::var_os("CARGO_HOME").map(PathBuf::from), home]
        .into_iter()
        .flatten()
        .map(|root| root.join("bin"))
        .collect()
}

fn llvm_of(version_text: &str, binary: &[u8]) -> Option<u32> {
    llvm_in_words(version_text).or_else(|| llvm_in_binary(binary))
}

/// Reads `LLVM 22` or `LLVM version 22.1.8`.
fn llvm_in_words(text: &str) -> Option<u32> {
    let rest = text.split_once("LLVM")?.1.trim_start();
    leading_number(rest.strip_prefix("version").unwrap_or(rest).trim_start().as_bytes())
}

/// Reads the major from the name of the library the binary loads (`libLLVM.so.22.1`, `libLLVM-22.so`) or, in one
/// linked statically, from the producer that it writes into bitcode (`LLVM22.1.8`).
fn llvm_in_binary(binary: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"LLVM";
    binary.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME).find_map(|(at, _)| {
        let rest = &binary[at + NAME.len()..];
        let rest = rest.strip_prefix(b".so.").or_else(|| rest.strip_prefix(b"-")).unwrap_or(rest);
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let plausible = digits == 2 && rest.get(digits) == Some(&b'.');
        plausible.then(|| leading_number(rest)).flatten()
    })
}

fn leading_number(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linker(llvm_major: Option<u32>) -> Linker {
        Linker { path: PathBuf::from("bpf-linker"), version: "bpf-linker 0.13.0".to_owned(), llvm_major }
    }

    #[test]
    fn reads_llvm_from_the_version_line() {
        assert_eq!(llvm_in_words("bpf-linker 0.14.0 (LLVM 23.1.0)"), Some(23));
        assert_eq!(llvm_in_words("bpf-linker 0.14.0\nLLVM version 22.1.8"), Some(22));
        assert_eq!(llvm_in_words("bpf-linker 0.13.0"), None);
    }

    #[test]
    fn reads_llvm_from_the_binary() {
        assert_eq!(llvm_in_binary(b"\0libLLVM.so.22.1\0libc.so.6\0"), Some(22));
        assert_eq!(llvm_in_binary(b"\0libLLVM-19.so.1\0"), Some(19));
        assert_eq!(llvm_in_binary(b"LLVM0700 LLVM 20 builds, LLVM23.1.0"), Some(23));
        assert_eq!(llvm_in_binary(b"\0LLVM22"), None);
        assert_eq!(llvm_in_binary(b""), None);
    }

    #[test]
    fn the_version_line_wins_over_the_binary() {
        assert_eq!(llvm_of("bpf-linker 1.0 LLVM 23", b"libLLVM.so.22.1"), Some(23));
    }

    #[test]
    fn an_older_llvm_is_refused_and_a_newer_one_taken() {
        assert!(linker(Some(21)).check(22).is_err());
        assert!(linker(Some(22)).check(22).is_ok());
        assert!(linker(Some(23)).check(22).is_ok());
        assert!(linker(None).check(22).is_ok());
    }

    #[test]
    fn everything_installed_derives_from_the_llvm_major() {
        let line = install_line(23);

        assert!(
            line.contains("/usr/lib/llvm-23") && line.contains("llvm-23") && !line.contains("22"),
            "{line}"
        );
    }
}
