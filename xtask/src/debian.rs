//! Installing Debian packages: named first, then installed by root.

use std::{cell::Cell, fs, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

/// The package manager of a Debian-like system.
#[derive(Debug, Default)]
pub(crate) struct Apt {
    lists_fresh: Cell<bool>,
}

impl Apt {
    /// `None` where there is no apt to ask.
    pub(crate) fn detect() -> Option<Self> {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        (is_debian_like(&release) && process::find_program("apt-get", &[]).is_some()).then(Self::default)
    }

    /// Names the packages, then installs them.
    pub(crate) fn install(&self, packages: &[String], purpose: &str) -> Result<()> {
        if packages.is_empty() {
            return Ok(());
        }
        let list = packages.join(" ");
        eprintln!("Debian packages {purpose}: {list}");
        if !workspace::is_root() {
            bail!("installing needs root; run: sudo {}", install_line(&list));
        }
        if !self.lists_fresh.replace(true) {
            process::run(apt_get().args(["update", "-qq"])).context("refresh the package lists")?;
        }
        process::run(apt_get().args(["install", "-qq", "-y", "--no-install-recommends"]).args(packages))
            .with_context(|| format!("install {list}"))
    }
}

/// The command a person would type for the same installation.
pub(crate) fn install_line(packages: &str) -> String {
    format!("apt-get install --no-install-recommends {packages}")
}

/// True when dpkg has the package fully installed.
pub(crate) fn is_installed(package: &str) -> bool {
    process::output(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Abbrev}", package]))
        .is_ok_and(|status| status.starts_with("ii"))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_debian_like(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| matches!(*key, "ID" | "ID_LIKE"))
        .flat_map(|(_, value)| value.trim_matches('"').split_whitespace())
        .any(|id| id == "debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_debian_and_what_descends_from_it() {
        assert!(is_debian_like("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"));
        assert!(is_debian_like("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(is_debian_like("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian_like("ID=fedora\nHOME_URL=\"https://debian\"\n"));
        assert!(!is_debian_like(""));
    }

    #[test]
    fn nothing_to_install_runs_nothing() {
        assert!(Apt::default().install(&[], "that do not exist").is_ok());
    }
}
