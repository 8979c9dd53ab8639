//! Network namespaces by name.

use std::{collections::HashMap, fs, os::unix::fs::MetadataExt as _};

use crate::container::{HostRoot, host_netns};

/// Names that are kept at most.
const MOST: usize = 4096;

/// Names of the host's network namespaces, by inode.
#[derive(Debug)]
pub(super) struct NetnsNames {
    /// The host's own: of its first process.
    host: Option<u64>,
    named: HashMap<u64, String>,
    /// An inode that had a name has got another one since it was last asked.
    changed: bool,
}

impl NetnsNames {
    pub(super) fn read(host: &HostRoot) -> Self {
        Self { host: host_netns(), named: named(host), changed: false }
    }

    pub(super) fn read_again(&mut self, host: &HostRoot) {
        let now = named(host);
        self.changed |=
            now.iter().any(|(inode, name)| self.named.get(inode).is_some_and(|known| known != name));
        // The names of those that have gone are wanted for the closes that come after them.
        self.named.retain(|inode, _| !now.contains_key(inode));
        if self.named.len() + now.len() > MOST {
            self.named.clear();
        }
        self.named.extend(now);
    }

    /// True once after an inode that had a name was found with another one: the namespace is another.
    pub(super) const fn take_changed(&mut self) -> bool {
        std::mem::replace(&mut self.changed, false)
    }

    /// False also where it is not known.
    pub(super) fn is_not_the_hosts(&self, inode: u32) -> bool {
        inode != 0 && self.host.is_some_and(|host| host != u64::from(inode))
    }

    /// What `inode` is called: its number where it has no name; `None` of the host's own, and where the host's is not known.
    pub(super) fn name(&mut self, inode: u32, host: &HostRoot) -> Option<String> {
        if !self.is_not_the_hosts(inode) {
            return None;
        }
        let inode = u64::from(inode);
        if !self.named.contains_key(&inode) {
            self.read_again(host);
        }
        Some(self.named.get(&inode).cloned().unwrap_or_else(|| inode.to_string()))
    }
}

/// As `ip netns` names them (ip-netns(8)).
fn named(host: &HostRoot) -> HashMap<u64, String> {
    let entries = fs::read_dir(host.as_path().join("run/netns")).into_iter().flatten().flatten().take(MOST);
    let named = entries.filter_map(|entry| {
        // Through the link that a container's runtime may put there.
        let inode = fs::metadata(entry.path()).ok()?.ino();
        Some((inode, entry.file_name().to_string_lossy().into_owned()))
    });
    named.collect()
}
