//! The kubelet's log directories: they name pods whatever the runtime is, and outlive containers.

use std::{fs, path::Path};

use whohungup_core::workload::{Names, WorkloadKind};

/// By /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log.
pub(super) fn find(host: &Path, id: &str) -> Option<Names> {
    let suffix = format!("-{id}.log");
    let entries = fs::read_dir(host.join("var/log/containers")).ok()?.flatten();
    entries.into_iter().find_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_suffix(&suffix)?;
        let mut fields = name.splitn(3, '_').map(str::to_owned);
        let (pod, namespace, container) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Names {
            pod: Some(pod),
            namespace: Some(namespace),
            container: Some(container),
            ..Names::new(WorkloadKind::Pod)
        })
    })
}

/// By /var/log/pods/NAMESPACE_POD_UID.
pub(super) fn of_pod(host: &Path, names: Names) -> Names {
    let found = names.pod_uid.as_ref().and_then(|uid| {
        let suffix = format!("_{uid}");
        let mut entries = fs::read_dir(host.join("var/log/pods")).ok()?.flatten();
        entries.find_map(|entry| {
            let name = entry.file_name();
            let (namespace, pod) = name.to_str()?.strip_suffix(&suffix)?.split_once('_')?;
            Some((namespace.to_owned(), pod.to_owned()))
        })
    });
    match found {
        Some((namespace, pod)) => Names { namespace: Some(namespace), pod: Some(pod), ..names },
        None => names,
    }
}
