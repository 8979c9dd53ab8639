//! What an agent in a container reaches of its host: the process ids, the files, the first network namespace.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The inode of the first process namespace: `PROC_PID_INIT_INO`, include/linux/proc_ns.h, v6.1 to v6.18.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// The root of the host's files, as the agent sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRoot(PathBuf);

impl HostRoot {
    /// `given`, or through the host's first process where it can be reached: the agent's own mounts may not be the host's.
    pub fn find(given: Option<&Path>) -> Self {
        let init = Path::new("/proc/1/root");
        let is_reached = || sees_host_pids() && init.join("proc").exists();
        let found = given.unwrap_or_else(|| if is_reached() { init } else { Path::new("/") });
        Self(found.to_owned())
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// These are the files of the agent's own container rather than the host's.
    pub fn is_a_containers(&self) -> bool {
        self.0 == Path::new("/") && is_overlaid()
    }
}

/// A value of `--host-root`.
///
/// # Errors
/// When it is no directory that can be listed, or has none of the directories that names are read from.
pub fn host_root_flag(value: &str) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(value);
    anyhow::ensure!(path.is_absolute(), "{value} is not an absolute path");
    fs::read_dir(&path).with_context(|| format!("cannot list {value}"))?;
    anyhow::ensure!(
        ["run", "var"].iter().any(|below| path.join(below).is_dir()),
        "{value} has neither `run` nor `var`: it is not the root of a host's files; mount the host's / there"
    );
    Ok(path)
}

pub fn is_proc_mounted() -> bool {
    Path::new("/proc/self").exists()
}

/// The agent sees processes by the ids that the kernel gives its programs.
pub fn sees_host_pids() -> bool {
    fs::metadata("/proc/self/ns/pid").is_ok_and(|namespace| namespace.ino() == FIRST_PID_NAMESPACE)
}

/// The inode of the host's first network namespace: of its first process, else of the kernel's own threads, else the agent's.
pub fn host_netns() -> Option<u64> {
    let inode = |path: &str| fs::metadata(path).ok().map(|found| found.ino());
    let kthreadd = || {
        let is_kthreadd = fs::read_to_string("/proc/2/comm").is_ok_and(|comm| comm.trim_end() == "kthreadd");
        is_kthreadd.then(|| inode("/proc/2/ns/net")).flatten()
    };
    let first = || sees_host_pids().then(|| inode("/proc/1/ns/net")).flatten();
    first().or_else(kthreadd).or_else(|| inode("/proc/self/ns/net"))
}

/// The root is a container's: of an overlay, or a mount below another file system's root.
fn is_overlaid() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().rev().find_map(root_mount).is_some_and(|(within, kind)| kind == "overlay" || within != "/")
}

/// Of the line that mounts `/`: which directory of its file system, and that one's type (proc_pid_mountinfo(5)).
fn root_mount(line: &str) -> Option<(&str, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (within, at) = (fields.next()?, fields.next()?);
    (at == "/").then_some((within, after.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_mount_is_distinguished_from_others() {
        let of = |line| root_mount(line);
        assert_eq!(of("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw"), Some(("/", "ext4")));
        assert_eq!(of("85 60 0:47 / / ro shared:4 - overlay overlay ro,lowerdir=/x"), Some(("/", "overlay")));
        assert_eq!(
            of("85 60 254:0 /var/lib/c/rootfs / rw - ext4 /dev/vda rw"),
            Some(("/var/lib/c/rootfs", "ext4"))
        );
        assert_eq!(of("23 22 0:21 / /proc rw - proc proc rw"), None);
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn a_host_root_that_is_none_is_refused_with_what_to_do() {
        let said = |value: &str| format!("{:#}", host_root_flag(value).expect_err("refused"));
        assert!(said("host").contains("absolute"), "{}", said("host"));
        assert!(said("/nowhere/at/all").contains("cannot list /nowhere/at/all"));
        assert!(said("/proc/self").contains("mount the host's / there"));
        assert!(host_root_flag("/").is_ok());
    }
}
