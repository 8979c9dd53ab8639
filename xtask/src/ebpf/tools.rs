//! Everything a build of the probes needs: found, or installed when asked.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{
    linker::{self, Linker},
    rustc::Rustc,
    toolchain::{Kind, Toolchain},
};
use crate::{
    debian::{self, Apt},
    process,
    workspace::Workspace,
};

/// Debian's compiler beside rustup's, with the sources of `core`.
const DEBIAN_RUST: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

const INSTALL_NIGHTLY: &str = "rustup toolchain install nightly --component rust-src";

#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) toolchain: Toolchain,
    pub(crate) linker: Linker,
    pub(crate) objcopy: PathBuf,
}

impl Tools {
    pub(crate) fn provide(workspace: &Workspace, wanted: Option<Kind>, install: bool) -> Result<Self> {
        let installer = Installer::new(install)?;
        let toolchain = installer.toolchain(wanted)?;
        let linker = installer.linker(workspace, &toolchain.rustc)?;
        let objcopy = installer.objcopy(&toolchain)?;
        Ok(Self { toolchain, linker, objcopy })
    }
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "compiler: {}\nlinker: {}\nstrip: {}", self.toolchain, self.linker, self.objcopy.display())
    }
}

/// Installs through apt, or only says what to install.
#[derive(Debug)]
struct Installer {
    apt: Option<Apt>,
}

impl Installer {
    fn new(install: bool) -> Result<Self> {
        let apt = if install { Apt::detect() } else { None };
        if install && apt.is_none() {
            bail!(
                "--install works only on Debian; install bpf-linker and rustup's nightly with rust-src by hand"
            );
        }
        Ok(Self { apt })
    }

    fn toolchain(&self, wanted: Option<Kind>) -> Result<Toolchain> {
        let problem = match Toolchain::find(wanted) {
            Ok(toolchain) => return Ok(toolchain),
            Err(problem) => problem,
        };
        let packages = owned(DEBIAN_RUST);
        let debian =
            format!("{} (or `cargo xtask build-ebpf --install`)", debian::install_line(&packages.join(" ")));
        match (wanted, &self.apt) {
            (Some(Kind::Nightly), _) => bail!("{problem:#}\ninstall it: {INSTALL_NIGHTLY}"),
            (Some(Kind::Debian), None) => bail!("{problem:#}\ninstall it: {debian}"),
            (None, None) => bail!("{problem:#}\ninstall one of them: {debian}; {INSTALL_NIGHTLY}"),
            (_, Some(apt)) => {
                eprintln!("{problem:#}");
                apt.install(&packages, "with the BPF compiler")?;
            }
        }
        Toolchain::find(Some(Kind::Debian)).context("find the compiler just installed")
    }

    fn linker(&self, workspace: &Workspace, rustc: &Rustc) -> Result<Linker> {
        let problem = match Linker::find(rustc.llvm_major) {
            Ok(linker) => return Ok(linker),
            Err(problem) => problem,
        };
        let package = llvm_package(rustc.llvm_major);
        let Some(apt) = &self.apt else {
            bail!(
                "{problem:#}\ninstall it: {}; {} (or `cargo xtask build-ebpf --install`)",
                debian::install_line(&package),
                linker::install_line(rustc.llvm_major)
            );
        };
        eprintln!("{problem:#}");
        apt.install(&absent(vec![package]), "that bpf-linker is compiled against")?;
        linker::install(workspace, rustc.llvm_major)?;
        Linker::find(rustc.llvm_major).context("find the bpf-linker just installed")
    }

    fn objcopy(&self, toolchain: &Toolchain) -> Result<PathBuf> {
        if let Some(objcopy) = find_objcopy(toolchain) {
            return Ok(objcopy);
        }
        let package = format!("llvm-{}", toolchain.rustc.llvm_major);
        let Some(apt) = &self.apt else {
            bail!("llvm-objcopy is missing: {}", debian::install_line(&package));
        };
        apt.install(&[package], "with llvm-objcopy")?;
        find_objcopy(toolchain).context("find the llvm-objcopy just installed")
    }
}

/// LLVM's own objcopy, since GNU's knows no BPF; rustup's llvm-tools component has it under the sysroot.
fn find_objcopy(toolchain: &Toolchain) -> Option<PathBuf> {
    let Rustc { host, llvm_major, .. } = &toolchain.rustc;
    let own = [
        toolchain.sysroot.join("lib/rustlib").join(host).join("bin"),
        Path::new("/usr/lib").join(format!("llvm-{llvm_major}")).join("bin"),
    ];
    process::find_program("llvm-objcopy", &own)
        .or_else(|| process::find_program(&format!("llvm-objcopy-{llvm_major}"), &[]))
}

fn llvm_package(llvm_major: u32) -> String {
    format!("llvm-{llvm_major}-dev")
}

fn absent(packages: Vec<String>) -> Vec<String> {
    packages.into_iter().filter(|package| !debian::is_installed(package)).collect()
}

fn owned(packages: &[&str]) -> Vec<String> {
    packages.iter().map(|&package| package.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_package_follows_the_compiler() {
        assert_eq!(llvm_package(22), "llvm-22-dev");
        assert_eq!(llvm_package(23), "llvm-23-dev");
    }

    #[test]
    fn packages_that_dpkg_does_not_know_are_absent() {
        let packages = vec!["whohungup-no-such-package".to_owned()];

        assert_eq!(absent(packages.clone()), packages);
    }
}
