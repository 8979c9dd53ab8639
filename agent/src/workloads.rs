//! From a socket's cgroup and network namespace to the workload's names: the cgroup's path first, then what container runtimes
//! and the kubelet leave in files of the node. No socket, no API.

mod cgroups;
mod files;
mod netns;
mod owner;

use std::time::{Duration, Instant};

use crate::container::HostRoot;
use clap::ValueEnum;
use whohungup_core::workload::{CgroupNetns, Names, Workload, WorkloadKind, Workloads, from_cgroup_path};

use cgroups::{CgroupPath, CgroupTree};
use netns::NetnsNames;

/// Names of network namespaces are read again after this long: the kernel gives the inode of one that has gone to the next.
const NETNS_INTERVAL: Duration = Duration::from_secs(5);
/// Names of containers are read again after this long: Docker and Podman can rename one that runs.
const CONTAINER_INTERVAL: Duration = Duration::from_secs(10);
/// The inode of the root of cgroup2 (`kernfs_create_root`, fs/kernfs/dir.c, v6.1 to v6.18).
const ROOT: u64 = 1;

/// Where workloads' names come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum NameSources {
    /// Nowhere: endpoints are not distinguished by workload
    Off,
    /// The cgroup's path alone: units, container and pod ids
    Path,
    /// Also files of container runtimes and the kubelet on this node (read-only)
    Files,
}

/// To be asked again.
struct NotYet;

/// Looks workloads up; what was found is kept by [`Workloads`].
#[derive(Debug)]
pub struct Resolver {
    sources: NameSources,
    /// Before every path: the host's root, as seen from the agent's container.
    host: HostRoot,
    cgroups: CgroupTree,
    netns: NetnsNames,
    netns_read: Instant,
    containers_read: Instant,
    /// Sockets' cgroups of which no path was found.
    unresolved: u64,
}

impl Resolver {
    pub fn new(sources: NameSources, host: HostRoot) -> Self {
        Self {
            sources,
            cgroups: CgroupTree::open(),
            netns: NetnsNames::read(&host),
            host,
            netns_read: Instant::now(),
            containers_read: Instant::now(),
            unresolved: 0,
        }
    }

    /// Answers what `workloads` asks for.
    pub fn answer(&mut self, workloads: &mut Workloads) {
        if self.sources == NameSources::Off {
            workloads.take_wanted().for_each(drop);
            return;
        }
        if self.netns_read.elapsed() >= NETNS_INTERVAL {
            self.netns_read = Instant::now();
            self.netns.read_again(&self.host);
        }
        // What a single name's look-up found since the last call counts too.
        if self.netns.take_changed() {
            workloads.ask_again(|names| names.netns.is_some());
        }
        if self.containers_read.elapsed() >= CONTAINER_INTERVAL {
            self.containers_read = Instant::now();
            workloads.ask_again(|names| names.kind == WorkloadKind::Container);
        }
        if !workloads.has_wanted() {
            return;
        }
        let wanted: Vec<_> = workloads.take_wanted().collect();
        for (place, pid) in wanted {
            let Ok(names) = self.names(place, pid) else {
                workloads.want(place, pid);
                continue;
            };
            let known = workloads.of(place);
            let names = names.map(Names::cleaned);
            let is_known = known.as_ref().map(Workload::names) == names.as_ref();
            let keeps = is_known || known.as_ref().is_some_and(|known| has_gone(known, names.as_ref()));
            workloads.know(place, if keeps { known } else { names.map(Workload::new) });
        }
    }

    /// Cgroups of which no path was found, since the start: they had gone, or the agent cannot see them.
    pub const fn unresolved(&self) -> u64 {
        self.unresolved
    }

    fn names(&mut self, place: CgroupNetns, pid: Option<u32>) -> Result<Option<Names>, NotYet> {
        let names = match self.cgroup_path(place, pid) {
            CgroupPath::Found(path) => from_cgroup_path(&path).map(|names| {
                // By one process of a network namespace, which all containers of a pod share.
                let is_by_process = matches!(place.cgroup_id, 0 | ROOT) && names.pod_uid.is_some();
                let container_id = names.container_id.clone().filter(|_| !is_by_process);
                self.with_files(Names { container_id, ..names }, &path)
            }),
            CgroupPath::NotYet => return Err(NotYet),
            CgroupPath::Gone => {
                self.unresolved += 1;
                let cgroup = Some(format!("id {}", place.cgroup_id));
                Some(Names { cgroup, ..Names::new(WorkloadKind::Cgroup) })
            }
        };
        let is_container = names
            .as_ref()
            .is_some_and(|names| matches!(names.kind, WorkloadKind::Pod | WorkloadKind::Container));
        if is_container {
            return Ok(names);
        }
        Ok(match self.netns.name(place.netns, &self.host) {
            None => names,
            netns => Some(Names { netns, ..names.unwrap_or_else(|| Names::new(WorkloadKind::Netns)) }),
        })
    }

    fn cgroup_path(&mut self, place: CgroupNetns, pid: Option<u32>) -> CgroupPath {
        if matches!(place.cgroup_id, 0 | ROOT) {
            return CgroupPath::Found(self.v1_path(place.netns, pid).unwrap_or_else(|| "/".to_owned()));
        }
        self.cgroups.path(place.cgroup_id, pid)
    }

    /// Where there is cgroup v1 alone every socket is at the root of v2: only a network namespace of its own says that the
    /// process speaks for its other sockets too.
    fn v1_path(&self, netns: u32, pid: Option<u32>) -> Option<String> {
        pid.filter(|_| self.netns.is_not_the_hosts(netns)).and_then(cgroups::v1_path)
    }

    fn with_files(&self, names: Names, path: &str) -> Names {
        if self.sources < NameSources::Files {
            return names;
        }
        let names = files::add_names(self.host.as_path(), names, path);
        let owner = names.owner.clone().or_else(|| owner::of_pod(names.pod.as_deref()?));
        Names { owner, ..names }
    }
}

/// A container that has been removed keeps its name, for the closes that come after it.
fn has_gone(known: &Workload, names: Option<&Names>) -> bool {
    let Names { kind, container_id, container, .. } = known.names();
    let is_container = matches!(kind, WorkloadKind::Pod | WorkloadKind::Container);
    is_container
        && names.is_none_or(|names| {
            names.container_id != *container_id || (container.is_some() && names.container.is_none())
        })
}
