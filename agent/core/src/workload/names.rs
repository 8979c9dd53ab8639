//! What a workload is called.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::sanitize::clean;

crate::label_set! {
    /// What kind of thing holds the sockets.
    pub enum WorkloadKind {
        /// A container of a Kubernetes pod.
        Pod,
        Container,
        /// A systemd unit.
        Unit,
        /// A cgroup that none of these made.
        Cgroup,
        /// A network namespace other than the host's.
        Netns,
    }
}

/// Characters of a name that are kept: a pod's has at most 253 (RFC 1123 subdomain), a unit's 255.
const MOST: usize = 256;

/// `None` where it is not known, or there is no such thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    pub kind: WorkloadKind,
    /// The systemd unit; of a login session its user's slice. Of a container the unit inside it.
    #[serde(default)]
    pub unit: Option<String>,
    /// As its runtime gave it: 64 hexadecimal digits, or a name.
    #[serde(default)]
    pub container_id: Option<String>,
    /// The container's name.
    #[serde(default)]
    pub container: Option<String>,
    #[serde(default)]
    pub pod: Option<String>,
    #[serde(default)]
    pub pod_uid: Option<String>,
    /// The pod's Kubernetes namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// What made the pod: a Deployment, a StatefulSet; of Docker Compose the service.
    #[serde(default)]
    pub owner: Option<String>,
    /// The owner's kind, as the Kubernetes API gives it: `Deployment`, `CronJob`.
    #[serde(default)]
    pub owner_kind: Option<String>,
    /// Those of the pod's labels that were asked for.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The network namespace, by its name (`ip netns`) or inode, where it tells more than the rest: not of containers, not
    /// the host's.
    #[serde(default)]
    pub netns: Option<String>,
    /// The cgroup's path, where nothing in it is known.
    #[serde(default)]
    pub cgroup: Option<String>,
}

impl Names {
    pub fn new(kind: WorkloadKind) -> Self {
        Self {
            kind,
            unit: None,
            container_id: None,
            container: None,
            pod: None,
            pod_uid: None,
            namespace: None,
            owner: None,
            owner_kind: None,
            labels: BTreeMap::new(),
            netns: None,
            cgroup: None,
        }
    }

    /// Made fit for terminals and labels: a user may choose a unit's or a container's name.
    #[must_use]
    pub fn cleaned(mut self) -> Self {
        let all = [
            &mut self.unit,
            &mut self.container_id,
            &mut self.container,
            &mut self.pod,
            &mut self.pod_uid,
            &mut self.namespace,
            &mut self.owner,
            &mut self.owner_kind,
            &mut self.netns,
            &mut self.cgroup,
        ];
        for name in all.into_iter().flatten().chain(self.labels.values_mut()) {
            *name = clean(name, MOST);
        }
        self
    }

    /// What tells it from others. A container of a pod that is started again is the same one, as far as its name is known.
    pub(super) fn identity(&self) -> impl std::hash::Hash + '_ {
        let Self { kind, unit, container_id, container, pod_uid, netns, cgroup, .. } = self;
        let container = if pod_uid.is_some() && container.is_some() { container } else { container_id };
        (*kind as u8, unit, container, pod_uid, netns, cgroup)
    }
}

/// As people say it, from the widest to the narrowest: `shop/checkout-7d4b9/app`, `redis`, `nginx.service`.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.container_id.as_deref().map(shortened);
        let pod = self.pod.as_deref().or(self.pod_uid.as_deref());
        let container = self.container.as_deref().or(short);
        let netns = self.netns.as_deref();
        let parts: Vec<&str> = match self.kind {
            WorkloadKind::Pod => [self.namespace.as_deref(), pod, container].into_iter().flatten().collect(),
            WorkloadKind::Container => [container, self.unit.as_deref()].into_iter().flatten().collect(),
            WorkloadKind::Unit => [self.unit.as_deref(), netns].into_iter().flatten().collect(),
            WorkloadKind::Cgroup => [self.cgroup.as_deref(), netns].into_iter().flatten().collect(),
            WorkloadKind::Netns => vec![netns.unwrap_or_default()],
        };
        match self.kind {
            WorkloadKind::Pod | WorkloadKind::Container => f.write_str(&parts.join("/")),
            WorkloadKind::Netns => write!(f, "netns {}", parts.concat()),
            WorkloadKind::Unit | WorkloadKind::Cgroup => f.write_str(&parts.join(" in netns ")),
        }
    }
}

/// Of 64 digits people read the first twelve.
fn shortened(id: &str) -> &str {
    if id.len() == 64 { &id[..12] } else { id }
}
