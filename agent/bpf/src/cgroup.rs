//! The root of the cgroup2 hierarchy, where the HTTP tier is attached.

use std::{fs::File, io, os::unix::fs::MetadataExt as _, path::PathBuf};

use rustix::mount::{MountFlags, UnmountFlags};

use super::error::ProbeError;

/// Where cgroup2 gets mounted for a moment when it is mounted nowhere.
const OWN_MOUNT: &str = "/run/whohungup/cgroup2";

/// An open root directory of cgroup2.
#[derive(Debug)]
pub struct CgroupRoot {
    pub file: File,
    /// Where it was found; `None` when it was mounted for us only.
    pub path: Option<PathBuf>,
    /// It is not the host's root but that of a cgroup namespace: segments of sockets outside it do not pass there.
    pub is_partial: bool,
}

impl CgroupRoot {
    /// The root of the hierarchy is the first inode of its file system (`kernfs_create_root`, fs/kernfs/dir.c, v6.1 to
    /// v6.18); what a cgroup namespace shows as its root is a directory below it.
    fn open(file: File, path: Option<PathBuf>) -> Self {
        let is_partial = file.metadata().is_ok_and(|metadata| metadata.ino() != 1);
        Self { file, path, is_partial }
    }
}

/// Finds cgroup2 in the mount table, or mounts it for as long as it takes to open it.
///
/// # Errors
/// When there is none and it cannot be mounted.
pub fn find_root() -> Result<CgroupRoot, ProbeError> {
    // Of the host's first process too, where it can be seen: its mounts are not in this namespace.
    let (own, hosts) = (mounts_of("/proc/self/mounts", ""), mounts_of("/proc/1/mounts", "/proc/1/root"));
    let mut roots: Vec<CgroupRoot> = own
        .into_iter()
        .chain(hosts)
        .filter_map(|path| Some(CgroupRoot::open(File::open(&path).ok()?, Some(path))))
        .collect();
    if let Some(whole) = roots.iter().position(|root| !root.is_partial) {
        return Ok(roots.swap_remove(whole));
    }
    if roots.is_empty() {
        return mount_own().map_err(|source| ProbeError::NoCgroup { source });
    }
    Ok(roots.swap_remove(0))
}

fn mounts_of(table: &str, below: &str) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string(table).unwrap_or_default();
    mounted_at(&mounts).map(|path| PathBuf::from(format!("{below}{}", path.display()))).collect()
}

/// The cgroup2 mount points in the text of /proc/self/mounts.
fn mounted_at(mounts: &str) -> impl Iterator<Item = PathBuf> {
    mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (path, kind) = (fields.nth(1)?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(path.replace("\\040", " ")))
    })
}

fn mount_own() -> io::Result<CgroupRoot> {
    std::fs::create_dir_all(OWN_MOUNT)?;
    rustix::mount::mount("none", OWN_MOUNT, "cgroup2", MountFlags::empty(), None)?;
    let file = File::open(OWN_MOUNT);
    // The open directory keeps working; nothing is left behind in the mount table.
    rustix::mount::unmount(OWN_MOUNT, UnmountFlags::DETACH)?;
    Ok(CgroupRoot::open(file?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup2_is_found_wherever_it_is_mounted() {
        let hybrid =
            "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mounted_at(hybrid).next(), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(mounted_at("none /a\\040b cgroup2 rw 0 0\n").next(), Some(PathBuf::from("/a b")));
        assert_eq!(mounted_at("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n").next(), None);
    }
}
