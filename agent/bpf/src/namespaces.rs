//! The network namespaces of the host, each with a file that leads into it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use rustix::{
    fs::{FsWord, fstatfs},
    thread::{CapabilitySet, capabilities},
};

/// The file system of namespaces: `NSFS_MAGIC`, include/uapi/linux/magic.h.
const NSFS: FsWord = 0x6e73_6673;

/// Network namespaces, and what kept others from being found.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    /// One open file for each that a process lives in or `ip netns` has named, by inode number.
    pub(super) files: BTreeMap<u64, File>,
    pub(super) processes: ProcAccess,
}

/// Which processes may be looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcAccess {
    /// None: /proc is not mounted.
    pub all: usize,
    /// Their links in /proc may not be read.
    pub refused: usize,
}

impl ProcAccess {
    /// No privilege is missing: what is refused to one that has them is protected by a security module.
    pub fn is_complete(self) -> bool {
        self.all > 0 && (self.refused == 0 || has_privileges())
    }
}

/// To read other users' links in /proc, and to list them.
fn has_privileges() -> bool {
    let needed = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

pub(super) fn all() -> Namespaces {
    let mut found = Namespaces::default();
    found.note(Path::new("/proc/thread-self/ns/net"));
    found.processes = each_process(|process| found.note(&process.join("ns/net")));
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        found.note(&entry.path());
    }
    found
}

impl Namespaces {
    /// True when the kernel refuses it.
    fn note(&mut self, path: &Path) -> bool {
        match File::open(path).and_then(|file| Ok((file.metadata()?.ino(), file))) {
            Ok((inode, file)) => {
                // A name in /run/netns that nothing is mounted at leads nowhere.
                if fstatfs(&file).is_ok_and(|system| system.f_type == NSFS) {
                    self.files.entry(inode).or_insert(file);
                }
                false
            }
            Err(error) => is_refusal(&error),
        }
    }
}

/// Which processes' files, and with them the owners of sockets, may be looked at.
pub(super) fn file_access() -> ProcAccess {
    each_process(|process| is_refused(&process.join("fd")))
}

/// Counts the processes, and those of which `look` says that the kernel refuses them.
fn each_process(mut look: impl FnMut(&Path) -> bool) -> ProcAccess {
    let mut access = ProcAccess::default();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let (process, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            access.all += 1;
            access.refused += usize::from(look(&process) && process.exists());
        }
    }
    access
}

/// To list takes another privilege (CAP_DAC_READ_SEARCH) than to read a link (CAP_SYS_PTRACE).
fn is_refused(files: &Path) -> bool {
    let first = match fs::read_dir(files) {
        Ok(mut entries) => entries.next(),
        Err(error) => return is_refusal(&error),
    };
    let Some(Ok(file)) = first else { return false };
    fs::read_link(file.path()).is_err_and(|error| is_refusal(&error))
}

/// A process that has just ended is refused in the same words.
fn is_refusal(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}
