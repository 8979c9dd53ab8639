//! Which process holds a socket that was there before the agent, from /proc.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use procfs::{
    ProcError, ProcResult,
    process::{FDTarget, Process as ProcProcess, all_processes},
};

use whohungup_bpf::ProcAccess;
use whohungup_core::identity::{Comm, Ends, Process};

/// Socket owners by network namespace and addresses.
#[derive(Debug, Default)]
pub struct Owners {
    by_ends: HashMap<(u32, Ends), Process>,
    /// Sockets that were there, whoever holds them, in these namespaces.
    seen: HashSet<(u32, Ends)>,
    namespaces: HashSet<u32>,
    /// Which processes may be looked into.
    access: ProcAccess,
}

impl Owners {
    /// Reads /proc once. Processes that may not be looked into (no CAP_SYS_PTRACE) are left out.
    pub fn read() -> Self {
        let Ok(processes) = all_processes() else { return Self::default() };
        let mut sockets: HashMap<u64, (u32, Ends)> = HashMap::new();
        let mut owners = Self::default();
        let mut holders = Vec::new();
        for process in processes.flatten() {
            owners.access.all += 1;
            let netns = match netns(&process) {
                Ok(Some(netns)) => netns,
                Ok(None) => continue,
                Err(error) => {
                    owners.access.refused += usize::from(is_refusal(&process, &error));
                    continue;
                }
            };
            if owners.namespaces.insert(netns) {
                let entries = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
                // What has not been accepted has no inode yet.
                for entry in entries.filter(|entry| entry.inode != 0) {
                    let ends = Ends {
                        local: canonical(entry.local_address),
                        remote: canonical(entry.remote_address),
                    };
                    sockets.insert(entry.inode, (netns, ends));
                }
            }
            holders.push(process);
        }
        owners.seen = sockets.values().copied().collect();
        for process in holders {
            let fds = match process.fd() {
                Ok(fds) => fds,
                Err(error) => {
                    owners.access.refused += usize::from(is_refusal(&process, &error));
                    continue;
                }
            };
            let held = fds.flatten().filter_map(|fd| match fd.target {
                FDTarget::Socket(inode) => sockets.get(&inode).copied(),
                _ => None,
            });
            let held: Vec<_> = held.collect();
            if held.is_empty() {
                continue;
            }
            let Ok(stat) = process.stat() else { continue };
            let comm = Comm::from_text(&stat.comm);
            for key in held {
                owners.by_ends.entry(key).or_insert(Process { pid: u32::try_from(stat.pid).ok(), comm });
            }
        }
        owners
    }

    /// Whether to read again can tell who holds this socket: it was made since.
    pub fn is_newer(&self, netns: u32, ends: Ends) -> bool {
        let key = (netns, ends);
        let could_be_seen = self.namespaces.contains(&netns) || self.access.refused == 0;
        could_be_seen && !self.by_ends.contains_key(&key) && !self.seen.contains(&key)
    }

    /// Which processes could be looked into.
    pub fn access(&self) -> ProcAccess {
        self.access
    }

    /// Also knows whom `newer` has found.
    pub fn extend(&mut self, newer: Self) {
        self.by_ends.extend(newer.by_ends);
    }

    pub fn of(&self, netns: u32, ends: Ends) -> Option<Process> {
        self.by_ends.get(&(netns, ends)).copied()
    }
}

/// A process that has just ended is refused in the same words.
fn is_refusal(process: &ProcProcess, error: &ProcError) -> bool {
    matches!(error, ProcError::PermissionDenied(_)) && process.is_alive()
}

fn netns(process: &ProcProcess) -> ProcResult<Option<u32>> {
    let namespaces = process.namespaces()?;
    let net = namespaces.0.get(std::ffi::OsStr::new("net"));
    Ok(net.and_then(|net| u32::try_from(net.identifier).ok()))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
