//! The tree of cgroup2: from a cgroup's id to its path.

use std::{
    collections::HashMap,
    fs,
    os::{fd::AsRawFd as _, unix::fs::DirEntryExt as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use whohungup_bpf::{CgroupRoot, find_root};

/// Directories that one walk looks into at most: the documented limit of pods and units of a node is far below.
const MOST: usize = 65_536;
/// A walk takes no more than one part in so many of the time.
const SHARE: u32 = 20;

/// Where a cgroup is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CgroupPath {
    Found(String),
    /// There is none by that id, or it is not to be seen from here.
    Gone,
    /// The tree was walked a moment ago.
    NotYet,
}

/// Paths by id, as they were found.
#[derive(Debug)]
pub(super) struct CgroupTree {
    root: Option<CgroupRoot>,
    paths: HashMap<u64, String>,
    /// Not before this is the tree walked again.
    next_walk: Instant,
}

impl CgroupTree {
    pub(super) fn open() -> Self {
        Self { root: find_root().ok(), paths: HashMap::new(), next_walk: Instant::now() }
    }

    /// With nothing but these, and no tree to walk.
    #[cfg(test)]
    pub(super) fn of(paths: impl IntoIterator<Item = (u64, String)>) -> Self {
        Self { root: None, paths: paths.into_iter().collect(), next_walk: Instant::now() }
    }

    /// The path of the cgroup `id` (on 64-bit machines its inode: `kernfs_id_ino`, include/linux/kernfs.h, v6.1 to v6.18).
    /// `pid` may live there: to ask it is cheaper than a walk, and finds the cgroup of a process that has just begun.
    pub(super) fn path(&mut self, id: u64, pid: Option<u32>) -> CgroupPath {
        if let Some(path) = self.paths.get(&id) {
            return CgroupPath::Found(path.clone());
        }
        let Some(root) = self.root.as_ref().map(root_path) else { return CgroupPath::Gone };
        if let Some(path) = pid.and_then(own_path)
            && fs::metadata(root.join(path.trim_start_matches('/'))).is_ok_and(|found| found.ino() == id)
        {
            self.paths.insert(id, path.clone());
            return CgroupPath::Found(path);
        }
        let began = Instant::now();
        if began < self.next_walk {
            return CgroupPath::NotYet;
        }
        if self.paths.len() > MOST {
            self.paths.clear();
        }
        // Ids are not used again: those that have gone stay what they were.
        self.paths.extend(walk(&root));
        self.next_walk = Instant::now() + (began.elapsed() * SHARE).max(Duration::from_millis(5));
        self.paths.get(&id).cloned().map_or(CgroupPath::Gone, CgroupPath::Found)
    }
}

/// The open directory itself: it may be mounted nowhere.
fn root_path(root: &CgroupRoot) -> PathBuf {
    format!("/proc/self/fd/{}", root.file.as_raw_fd()).into()
}

fn walk(root: &Path) -> HashMap<u64, String> {
    let mut paths = HashMap::new();
    let mut waiting = vec![String::new()];
    while let Some(path) = waiting.pop() {
        let entries = fs::read_dir(root.join(path.trim_start_matches('/'))).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            if paths.len() >= MOST {
                return paths;
            }
            let below = format!("{path}/{}", entry.file_name().to_string_lossy());
            waiting.push(below.clone());
            paths.insert(entry.ino(), below);
        }
    }
    paths
}

/// The path in cgroup2 of a process, as /proc shows it here.
fn own_path(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// The longest path of a process in the hierarchies of cgroup v1 that runtimes and systemd use.
pub(super) fn v1_path(pid: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    longest_v1_path(&text).map(str::to_owned)
}

fn longest_v1_path(text: &str) -> Option<&str> {
    let paths = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_known =
            controllers.split(',').any(|one| matches!(one, "name=systemd" | "pids" | "devices" | "cpu"));
        (is_known && path != "/").then_some(path)
    });
    paths.max_by_key(|path| path.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cgroup_of_this_host_is_found_by_its_id() {
        let mut tree = CgroupTree::open();
        let Some(root) = tree.root.as_ref().map(root_path) else { return };
        let entries = fs::read_dir(&root).expect("list the root").flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let id = entry.metadata().expect("a cgroup").ino();
            let name = format!("/{}", entry.file_name().to_string_lossy());
            assert_eq!(tree.path(id, None), CgroupPath::Found(name));
        }
        tree.next_walk = Instant::now();
        assert_eq!(tree.path(u64::MAX, Some(std::process::id())), CgroupPath::Gone);
        assert_eq!(tree.path(u64::MAX, Some(std::process::id())), CgroupPath::NotYet);
    }

    #[test]
    fn paths_of_cgroup_v1() {
        let text = "9:name=systemd:/system.slice/a.service\n8:pids:/\n4:memory:/x/y/z/of/no/use\n0::/\n";
        assert_eq!(longest_v1_path(text), Some("/system.slice/a.service"));
        assert_eq!(longest_v1_path("8:cpu,cpuacct:/docker/abc\n0::/\n"), Some("/docker/abc"));
        assert_eq!(longest_v1_path("0::/a\n8:pids:/\nnonsense\n"), None);
    }
}
