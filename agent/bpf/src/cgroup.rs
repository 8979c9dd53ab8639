//! The root of the cgroup2 hierarchy, where the HTTP tier is attached.

use std::{fs::File, io, path::PathBuf};

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
}

/// Finds cgroup2 in the mount table, or mounts it for as long as it takes to open it.
///
/// # Errors
/// When there is none and it cannot be mounted.
pub fn find_root() -> Result<CgroupRoot, ProbeError> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let found = mounted_at(&mounts).and_then(|path| Some((File::open(&path).ok()?, path)));
    if let Some((file, path)) = found {
        return Ok(CgroupRoot { file, path: Some(path) });
    }
    mount_own().map_err(|source| ProbeError::NoCgroup { source })
}

/// The first cgroup2 mount point in the text of /proc/self/mounts.
fn mounted_at(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
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
    Ok(CgroupRoot { file: file?, path: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroup2_is_found_wherever_it_is_mounted() {
        let hybrid =
            "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mounted_at(hybrid), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(mounted_at("none /a\\040b cgroup2 rw 0 0\n"), Some(PathBuf::from("/a b")));
        assert_eq!(mounted_at("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"), None);
    }
}
