//! What the agent may read of other processes, and what it does not see otherwise.

use crate::{
    container::sees_host_pids,
    degraded::{Reason, StartupWarning},
};
use whohungup_bpf::ProcAccess;

/// Why processes are not, or not all, found; `namespaces` and `files` are the links that may be read.
pub fn warning(namespaces: ProcAccess, files: ProcAccess) -> Option<StartupWarning> {
    if namespaces.all == 0 {
        let text = "/proc is not mounted: owners of connections and products stay unknown, and connections of other network namespaces that are older than the agent are not followed; mount it (`mount -t proc proc /proc`)";
        return Some(StartupWarning::new(Reason::ProcAccess, text));
    }
    if !sees_host_pids() {
        let text = "the agent does not see the host's process ids: owners of connections and products stay unknown, and network namespaces are not found; run with --pid host (Kubernetes: hostPID: true)";
        return Some(StartupWarning::new(Reason::ProcessIds, text));
    }
    let are_complete = namespaces.is_complete() && files.is_complete();
    (!are_complete).then(|| {
        let text = format!(
            "{} of {} processes may not be looked into: owners and products of their older connections stay unknown, and network namespaces of their own are not found; grant CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
            namespaces.refused.max(files.refused),
            namespaces.all
        );
        StartupWarning::new(Reason::ProcAccess, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_the_remedy_is_to_mount_it() {
        let none = warning(ProcAccess::default(), ProcAccess::default()).expect("a warning");
        assert_eq!(none.reason, Reason::ProcAccess);
        assert!(none.to_string().contains("mount -t proc"), "{none}");
    }
}
