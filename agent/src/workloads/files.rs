//! What container runtimes and the kubelet leave in files of the node (docs/workloads.md says which, and where that was seen).

mod bundle;
mod docker;
mod kubelet;
mod storage;

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use whohungup_core::workload::{Names, WorkloadKind};

/// Bytes of a file that are read: a container's own is about 10 kB, a list of all containers a hundred times that.
const MOST: u64 = 4 << 20;

/// Adds what is found of `names`, whose cgroup is at `path`; `host` comes before every path.
pub(super) fn add_names(host: &Path, names: Names, path: &str) -> Names {
    if names.kind == WorkloadKind::Cgroup {
        // A container by a name: containerd alone puts it at /NAMESPACE/NAME.
        return bundle::named(host, path).unwrap_or(names);
    }
    let Some(id) = names.container_id.clone().filter(|_| is_container(&names)) else {
        return if names.kind == WorkloadKind::Pod { kubelet::of_pod(host, names) } else { names };
    };
    let found = bundle::find(host, &id).or_else(|| storage::find(host, &id));
    let found = found.or_else(|| docker::find(host, &id)).or_else(|| kubelet::find(host, &id));
    let names = match found {
        Some(found) => merge(names, found),
        None => names,
    };
    if names.pod_uid.is_some() && names.pod.is_none() { kubelet::of_pod(host, names) } else { names }
}

fn is_container(names: &Names) -> bool {
    matches!(names.kind, WorkloadKind::Pod | WorkloadKind::Container)
}

/// What the path says stands; a file adds to it.
fn merge(names: Names, found: Names) -> Names {
    let kind = if found.pod.is_some() && found.namespace.is_some() { WorkloadKind::Pod } else { names.kind };
    Names {
        kind,
        container: names.container.or(found.container),
        pod: names.pod.or(found.pod),
        pod_uid: names.pod_uid.or(found.pod_uid),
        namespace: names.namespace.or(found.namespace),
        owner: names.owner.or(found.owner),
        ..names
    }
}

/// An OCI runtime's configuration (config.json), as far as it is of use.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OciConfig {
    annotations: Option<HashMap<String, String>>,
}

/// The names that labels or annotations give, under the keys of those who write them.
fn from_labels(labels: &HashMap<String, String>) -> Names {
    let first =
        |keys: &[&str]| keys.iter().find_map(|key| labels.get(*key)).filter(|name| !name.is_empty()).cloned();
    Names {
        // containerd's CRI plugin; CRI-O and dockershim, as the kubelet labels them; nerdctl.
        container: first(&[
            "io.kubernetes.cri.container-name",
            "io.kubernetes.container.name",
            "nerdctl/name",
        ]),
        pod: first(&["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"]),
        pod_uid: first(&["io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"]),
        namespace: first(&["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"]),
        owner: first(&["com.docker.compose.service", "io.podman.compose.service"]),
        ..Names::new(WorkloadKind::Container)
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    // Runtimes keep FIFOs beside their files.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Directories below `parent` whose name ends in `suffix`.
fn directories(parent: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(suffix));
    names.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
