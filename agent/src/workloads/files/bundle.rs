//! containerd: the OCI bundles of running containers. They are there before the cgroup is, and go when the container ends.

use std::path::Path;

use whohungup_core::workload::{Names, WorkloadKind};

use super::{OciConfig, directories, from_labels, read_json};

/// State directories of containerd: its own, k3s' and rke2's, k0s', MicroK8s', Docker's.
const STATES: [&str; 5] = [
    "run/containerd",
    "run/k3s/containerd",
    "run/k0s/containerd",
    "var/snap/microk8s/common/run/containerd",
    "run/docker/containerd/daemon",
];
const TASKS: &str = "io.containerd.runtime.v2.task";

pub(super) fn find(host: &Path, id: &str) -> Option<Names> {
    STATES.iter().find_map(|state| {
        let tasks = host.join(state).join(TASKS);
        // One namespace for each user of containerd: `k8s.io`, `moby`, `default`.
        directories(&tasks, "").into_iter().find_map(|namespace| read(&namespace.join(id)))
    })
}

/// The container whose cgroup is at /NAMESPACE/NAME, where it is one.
pub(super) fn named(host: &Path, path: &str) -> Option<Names> {
    let (namespace, id) = path.strip_prefix('/')?.split_once('/')?;
    let is_plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
    if !is_plain(namespace) || !is_plain(id) {
        return None;
    }
    let bundle = |state: &str| read(&host.join(state).join(TASKS).join(namespace).join(id));
    let names = STATES.iter().find_map(|state| bundle(state))?;
    let container = names.container.or_else(|| Some(id.to_owned()));
    Some(Names { container_id: Some(id.to_owned()), container, ..names })
}

fn read(bundle: &Path) -> Option<Names> {
    let config: OciConfig = read_json(&bundle.join("config.json"))?;
    let labels = config.annotations.unwrap_or_default();
    let is_sandbox = labels.get("io.kubernetes.cri.container-type").is_some_and(|kind| kind == "sandbox");
    let mut names = from_labels(&labels);
    if names.pod.is_some() {
        names.kind = WorkloadKind::Pod;
    }
    if is_sandbox {
        names.container = Some("POD".to_owned());
    }
    // Docker's annotate nothing: its own files have the name.
    let is_dockers = || bundle.parent().and_then(Path::file_name).is_some_and(|name| name == "moby");
    (!is_dockers()).then_some(names)
}
