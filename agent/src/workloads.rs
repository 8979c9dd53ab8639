//! From a socket's cgroup and network namespace to the workload's names: the cgroup's path first, then what container runtimes
//! and the kubelet leave in files of the node, and for those who ask for it what the Kubernetes API says.

mod cgroups;
mod files;
mod kubernetes;
mod netns;
mod owner;

use std::time::{Duration, Instant};

use crate::container::HostRoot;
use clap::ValueEnum;
use whohungup_core::workload::{CgroupNetns, Names, Workload, WorkloadKind, Workloads, from_cgroup_path};

use cgroups::{CgroupPath, CgroupTree};
use kubernetes::Kubernetes;
pub use kubernetes::{
    ApiServer, FailureReason, KubernetesHealth, KubernetesOptions, PodLabel, SkippedPod, node_name_flag,
    pod_labels_flag,
};
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
    /// Also the Kubernetes API: a watch on the pods of --node-name
    Api,
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
    /// Where it is asked.
    kubernetes: Option<Kubernetes>,
    netns_read: Instant,
    containers_read: Instant,
    /// Sockets' cgroups of which no path was found.
    unresolved: u64,
}

impl Resolver {
    /// Asks the Kubernetes API where `kubernetes` says how, and `sources` that it is to.
    pub fn new(sources: NameSources, host: HostRoot, kubernetes: Option<KubernetesOptions>) -> Self {
        Self {
            kubernetes: kubernetes.filter(|_| sources == NameSources::Api).map(Kubernetes::start),
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
        if let Some(kubernetes) = &mut self.kubernetes {
            kubernetes.turn(workloads);
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
            let known = workloads.of(place).cloned();
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

    /// `None` where the Kubernetes API is not asked.
    pub fn kubernetes(&self) -> Option<KubernetesHealth> {
        self.kubernetes.as_ref().map(Kubernetes::health)
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
        let names = Names { owner, ..names };
        match &self.kubernetes {
            Some(kubernetes) => kubernetes.add_to(names),
            None => names,
        }
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    const ID: &str = "e69efbc992d1052e85ee795f9f947e72a4d43e693cc53457674e8b027b6467e3";
    const PLACE: CgroupNetns = CgroupNetns { cgroup_id: 77, netns: 0 };

    /// Docker's file of a container by this name.
    fn write(host: &Path, name: &str) {
        let directory = host.join("var/lib/docker/containers").join(ID);
        fs::create_dir_all(&directory).expect("make directories");
        let text = format!(r#"{{"Name":"/{name}","Config":{{"Labels":{{}}}}}}"#);
        fs::write(directory.join("config.v2.json"), text).expect("write a file");
    }

    #[test]
    fn a_container_is_asked_again_for_its_name_and_keeps_it_when_it_has_been_removed() {
        let host = tempfile::tempdir().expect("a directory");
        let paths = [(PLACE.cgroup_id, format!("/system.slice/docker-{ID}.scope"))];
        let mut resolver = Resolver {
            cgroups: CgroupTree::of(paths),
            ..Resolver::new(NameSources::Files, HostRoot::find(Some(host.path())), None)
        };
        let mut workloads = Workloads::default();
        let mut name = |resolver: &mut Resolver| {
            resolver.containers_read = Instant::now().checked_sub(CONTAINER_INTERVAL).expect("a long uptime");
            resolver.answer(&mut workloads);
            workloads.want(PLACE, None);
            resolver.answer(&mut workloads);
            workloads.of(PLACE).map(ToString::to_string)
        };
        write(host.path(), "web1");
        assert_eq!(name(&mut resolver).as_deref(), Some("web1"));
        write(host.path(), "web2");
        assert_eq!(name(&mut resolver).as_deref(), Some("web2"), "renamed");
        fs::remove_dir_all(host.path().join("var")).expect("remove the container");
        // However often it is asked for, and though its cgroup has gone as well.
        assert_eq!(name(&mut resolver).as_deref(), Some("web2"));
        resolver.cgroups = CgroupTree::of([]);
        assert_eq!(name(&mut resolver).as_deref(), Some("web2"));
    }
}
