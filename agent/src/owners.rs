//! Which process holds a socket that was there before the agent, from /proc.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
};

use procfs::process::{FDTarget, Process as ProcProcess, all_processes};

use whohungup_core::identity::{Comm, Ends, Process};

/// Socket owners by network namespace and addresses.
#[derive(Debug, Default)]
pub struct Owners {
    by_ends: HashMap<(u32, Ends), Process>,
}

impl Owners {
    /// Reads /proc once. Processes that may not be looked into (no CAP_SYS_PTRACE) are left out.
    pub fn read() -> Self {
        let Ok(processes) = all_processes() else { return Self::default() };
        let mut sockets: HashMap<u64, (u32, Ends)> = HashMap::new();
        let mut seen = HashSet::new();
        let mut holders = Vec::new();
        for process in processes.flatten() {
            let Some(netns) = netns(&process) else { continue };
            if seen.insert(netns) {
                let entries = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
                for entry in entries {
                    let ends = Ends {
                        local: canonical(entry.local_address),
                        remote: canonical(entry.remote_address),
                    };
                    sockets.insert(entry.inode, (netns, ends));
                }
            }
            holders.push(process);
        }
        let mut by_ends = HashMap::new();
        for process in holders {
            let Ok(fds) = process.fd() else { continue };
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
                by_ends.entry(key).or_insert(Process { pid: u32::try_from(stat.pid).ok(), comm });
            }
        }
        Self { by_ends }
    }

    /// Also knows whom `newer` has found.
    pub fn extend(&mut self, newer: Self) {
        self.by_ends.extend(newer.by_ends);
    }

    pub fn of(&self, netns: u32, ends: Ends) -> Option<Process> {
        self.by_ends.get(&(netns, ends)).copied()
    }
}

fn netns(process: &ProcProcess) -> Option<u32> {
    let namespaces = process.namespaces().ok()?;
    let net = namespaces.0.get(std::ffi::OsStr::new("net"))?;
    u32::try_from(net.identifier).ok()
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
