//! Installing Debian packages: named first, then installed by root.

use std::{
    cell::Cell,
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

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
        let _quiet = NoServices::from(Path::new("/usr/sbin/policy-rc.d"))?;
        process::run(apt_get().args(["install", "-qq", "-y", "--no-install-recommends"]).args(packages))
            .with_context(|| format!("install {list}"))
    }
}

/// While this lives, packages do not start their services: each test starts its own, with its own configuration.
#[derive(Debug)]
struct NoServices {
    /// `None` where the system has a policy of its own, which stays.
    policy: Option<PathBuf>,
}

impl NoServices {
    /// `policy` is the program that Debian's packages ask before they start a service.
    fn from(policy: &Path) -> Result<Self> {
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(policy) {
            Ok(mut file) => {
                let refuse = "#!/bin/sh\nexit 101\n";
                file.write_all(refuse.as_bytes()).with_context(|| format!("write {}", policy.display()))?;
                Ok(Self { policy: Some(policy.to_path_buf()) })
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { policy: None }),
            Err(error) => Err(error).with_context(|| format!("create {}", policy.display())),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.policy
            && let Err(error) = fs::remove_file(policy)
        {
            eprintln!("remove {} by hand, or no service starts: {error}", policy.display());
        }
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
    // A new machine installs by itself in its first minutes.
    command.args(["-o", "DPkg::Lock::Timeout=300"]);
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
    fn services_stay_down_for_as_long_as_packages_are_installed() {
        let directory = tempfile::tempdir().unwrap();
        let policy = directory.path().join("policy-rc.d");
        let quiet = NoServices::from(&policy).unwrap();
        assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        // The inner one finds a policy that is not its own.
        drop(NoServices::from(&policy).unwrap());
        assert!(policy.is_file());
        drop(quiet);
        assert!(!policy.exists());
    }

    #[test]
    fn nothing_to_install_runs_nothing() {
        assert!(Apt::default().install(&[], "that do not exist").is_ok());
    }
}
