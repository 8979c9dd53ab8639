//! The network namespaces of the host, each with a file that leads into it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
};

/// One open file for each network namespace that a process lives in or `ip netns` has named, by inode number.
pub(super) fn all() -> BTreeMap<u64, File> {
    let mut found = BTreeMap::new();
    let mut note = |path: std::path::PathBuf| {
        let Ok(file) = File::open(path) else { return };
        if let Ok(meta) = file.metadata() {
            found.entry(meta.ino()).or_insert(file);
        }
    };
    note("/proc/thread-self/ns/net".into());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        if is_process {
            note(entry.path().join("ns/net"));
        }
    }
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        note(entry.path());
    }
    found
}
