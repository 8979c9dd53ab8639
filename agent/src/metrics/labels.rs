//! Which endpoint a series is of.

use std::sync::Arc;

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
    /// What made the pod, by the form of its name
    #[value(name = "k8s_workload_name")]
    K8sWorkloadName,
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

/// A label and its value.
pub(super) type WorkloadValue = (WorkloadLabel, Arc<str>);

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
    pub(super) fn shown(key: &EndpointKey, workload: Option<&Workload>, wanted: &[WorkloadLabel]) -> Self {
        let unknown = || "unknown".into();
        let names = workload.map(Workload::names);
        let values = wanted.iter().filter_map(|&label| Some((label, label.value(names?)?.into())));
        Self {
            role: key.role.as_str(),
            server_port: key.server_port.map_or_else(unknown, |port| port.to_string().into()),
            process: if key.process.is_empty() { unknown() } else { key.process.as_str().into() },
            workload: values.collect(),
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
