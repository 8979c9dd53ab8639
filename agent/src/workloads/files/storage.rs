//! Podman and CRI-O: containers-storage, which both use, and which keeps what ended until it is removed.

use std::path::Path;

use serde::Deserialize;
use whohungup_core::workload::{Names, WorkloadKind};

use super::{OciConfig, directories, from_labels, read_json};

/// CRI-O writes to both, Podman to the second.
const STORES: [&str; 2] = ["run/containers/storage", "var/lib/containers/storage"];
/// Newer ones keep containers that need not survive a boot in a list of their own.
const LISTS: [&str; 2] = ["containers.json", "volatile-containers.json"];

#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    names: Vec<String>,
}

pub(super) fn find(host: &Path, id: &str) -> Option<Names> {
    // One directory for each driver: `overlay-containers`, `vfs-containers`.
    let stores = STORES.iter().flat_map(|store| directories(&host.join(store), "-containers"));
    stores.into_iter().find_map(|containers| {
        let config: OciConfig = read_json(&containers.join(id).join("userdata/config.json"))?;
        let labels = config.annotations.unwrap_or_default();
        let names = from_labels(&labels);
        // Podman writes some of CRI-O's keys too.
        if labels.get("io.container.manager").is_some_and(|manager| manager == "cri-o") {
            return Some(Names { kind: WorkloadKind::Pod, ..names });
        }
        let listed = LISTS.iter().find_map(|list| {
            let all: Vec<Listed> = read_json(&containers.join(list))?;
            all.into_iter().find(|one| one.id == id)?.names.into_iter().next()
        });
        Some(Names { container: listed, pod: None, pod_uid: None, namespace: None, ..names })
    })
}
