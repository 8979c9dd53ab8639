//! Which endpoint a series is of.

use std::sync::Arc;

use crate::workloads::PodLabel;
use whohungup_core::{
    endpoint::{EndpointKey, counters::OTHER},
    labels::Role,
    workload::{Names, Workload, WorkloadKind},
};

/// A label that says whose an endpoint is: OpenTelemetry's names of resource attributes, as Prometheus writes them.
/// `namespace`, `pod` and `container` belong to the targets of a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum WorkloadLabel {
    #[value(name = "k8s_namespace_name")]
    K8sNamespaceName,
    /// What made the pod: by the form of its name, or as the Kubernetes API says
    #[value(name = "k8s_workload_name")]
    K8sWorkloadName,
    /// Its kind, as the Kubernetes API says: `Deployment`
    #[value(name = "k8s_workload_kind")]
    K8sWorkloadKind,
    #[value(name = "k8s_pod_name")]
    K8sPodName,
    #[value(name = "k8s_container_name")]
    K8sContainerName,
    /// Of containers that are in no pod
    ContainerName,
    SystemdUnit,
    /// Network namespace, of what is in no container
    Netns,
    /// Path of a cgroup that belongs to none of these
    CgroupPath,
}

/// Which labels say whose an endpoint is.
#[derive(Clone, Debug)]
pub struct WorkloadLabels {
    names: Vec<WorkloadLabel>,
    /// Labels of pods, each by its key.
    of_pods: Arc<[PodLabel]>,
}

/// A label's name and its value.
pub(super) type WorkloadValue = (LabelName, Arc<str>);

/// Which label a value is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LabelName {
    Name(WorkloadLabel),
    OfPod(Arc<str>),
}

impl LabelName {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Name(label) => label.as_str(),
            Self::OfPod(name) => name,
        }
    }
}

impl WorkloadLabels {
    pub fn new(names: Vec<WorkloadLabel>, of_pods: Arc<[PodLabel]>) -> Self {
        Self { names, of_pods }
    }

    /// A workload's values; what it has not is left out.
    fn values(&self, of: &Names) -> Arc<[WorkloadValue]> {
        let names =
            self.names.iter().filter_map(|&label| Some((LabelName::Name(label), label.value(of)?.into())));
        let of_pods = self.of_pods.iter().filter_map(|label| {
            Some((LabelName::OfPod(Arc::clone(&label.metric)), of.labels.get(&*label.key)?.as_str().into()))
        });
        names.chain(of_pods).collect()
    }
}

impl WorkloadLabel {
    /// Every roll-out gives each pod another name: without the pod's label the series stay the same.
    pub const USUAL: [Self; 7] = [
        Self::K8sNamespaceName,
        Self::K8sWorkloadName,
        Self::K8sContainerName,
        Self::ContainerName,
        Self::SystemdUnit,
        Self::Netns,
        Self::CgroupPath,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::K8sNamespaceName => "k8s_namespace_name",
            Self::K8sWorkloadName => "k8s_workload_name",
            Self::K8sWorkloadKind => "k8s_workload_kind",
            Self::K8sPodName => "k8s_pod_name",
            Self::K8sContainerName => "k8s_container_name",
            Self::ContainerName => "container_name",
            Self::SystemdUnit => "systemd_unit",
            Self::Netns => "netns",
            Self::CgroupPath => "cgroup_path",
        }
    }

    /// `None` where the workload has no such thing: the label is left out.
    fn value(self, names: &Names) -> Option<&str> {
        let is_pod = names.kind == WorkloadKind::Pod;
        let container = names.container.as_deref().or(names.container_id.as_deref());
        match self {
            Self::K8sNamespaceName => names.namespace.as_deref(),
            Self::K8sWorkloadName => names.owner.as_deref().or(names.pod.as_deref()).filter(|_| is_pod),
            Self::K8sWorkloadKind => names.owner_kind.as_deref(),
            Self::K8sPodName => names.pod.as_deref().or(names.pod_uid.as_deref()),
            Self::K8sContainerName => container.filter(|_| is_pod),
            Self::ContainerName => container.filter(|_| !is_pod),
            Self::SystemdUnit => names.unit.as_deref(),
            Self::Netns => names.netns.as_deref(),
            Self::CgroupPath => names.cgroup.as_deref(),
        }
    }
}

/// What tells an endpoint's series from others'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    role: &'static str,
    server_port: Arc<str>,
    process: Arc<str>,
    workload: Arc<[WorkloadValue]>,
}

impl Labels {
    pub(super) fn shown(key: &EndpointKey, workload: Option<&Workload>, wanted: &WorkloadLabels) -> Self {
        let unknown = || "unknown".into();
        Self {
            role: key.role.as_str(),
            server_port: key.server_port.map_or_else(unknown, |port| port.to_string().into()),
            process: if key.process.is_empty() { unknown() } else { key.process.as_str().into() },
            workload: workload.map(|workload| wanted.values(workload.names())).unwrap_or_default(),
        }
    }

    /// Of all endpoints of a role that have no series of their own.
    pub(super) fn other(role: Role) -> Self {
        Self {
            role: role.as_str(),
            server_port: OTHER.into(),
            process: OTHER.into(),
            workload: Arc::default(),
        }
    }

    pub(super) fn values(&self) -> [&str; 3] {
        [self.role, &self.server_port, &self.process]
    }

    pub(super) fn workload(&self) -> Arc<[WorkloadValue]> {
        Arc::clone(&self.workload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_pods_are_shown_where_a_pod_has_them() {
        let of_pods = ["app.kubernetes.io/name", "team"].map(|key| key.parse().expect("a label"));
        let wanted = WorkloadLabels::new(vec![WorkloadLabel::K8sWorkloadKind], of_pods.into());
        let names = Names {
            owner_kind: Some("Deployment".to_owned()),
            labels: [("team", "shop"), ("other", "x")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            ..Names::new(WorkloadKind::Pod)
        };
        let values = wanted.values(&names);
        let shown: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
        assert_eq!(shown, [("k8s_workload_kind", "Deployment"), ("k8s_pod_label_team", "shop")]);
    }
}
