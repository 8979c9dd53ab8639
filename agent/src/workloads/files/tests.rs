//! Files as the runtimes wrote them (containerd 1.6.20, Podman 4.3.1, Docker 20.10.24), or as CRI-O's source says.

use std::fs;

use tempfile::TempDir;

use super::*;
use whohungup_core::workload::from_cgroup_path;

const ID: &str = "e69efbc992d1052e85ee795f9f947e72a4d43e693cc53457674e8b027b6467e3";
const UID: &str = "0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c001";

struct Host(TempDir);

impl Host {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
        fs::write(path, text).expect("write a file");
    }

    /// What is found of the container at `cgroup`, for people.
    fn name(&self, cgroup: &str) -> String {
        self.names(cgroup).to_string()
    }

    fn names(&self, cgroup: &str) -> Names {
        add_names(self.0.path(), from_cgroup_path(cgroup).expect("a workload"), cgroup)
    }
}

fn pods(id: &str) -> String {
    format!("/kubepods/burstable/pod{UID}/{id}")
}

#[test]
fn a_pod_by_its_bundle() {
    let host = Host::new();
    let annotations = format!(
        r#"{{"annotations":{{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.container-type":"container",
            "io.kubernetes.cri.sandbox-name":"checkout-7d9f8c6b5-x2k4q","io.kubernetes.cri.sandbox-namespace":"shop",
            "io.kubernetes.cri.sandbox-uid":"{UID}"}}}}"#
    );
    for state in ["run/containerd", "run/k3s/containerd"] {
        let host = Host::new();
        host.file(&format!("{state}/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"), &annotations);
        assert_eq!(host.name(&pods(ID)), "shop/checkout-7d9f8c6b5-x2k4q/app");
    }
    host.file(
        &format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"),
        r#"{"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-name":"pay-0",
            "io.kubernetes.cri.sandbox-namespace":"shop"}}"#,
    );
    assert_eq!(host.name(&pods(ID)), "shop/pay-0/POD");
}

#[test]
fn an_old_containerd_leaves_the_pods_name_to_the_kubelet() {
    let host = Host::new();
    host.file(
        &format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"),
        r#"{"annotations":{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.container-type":"container"}}"#,
    );
    host.file(&format!("var/log/pods/shop_pay-0_{UID}/app/0.log"), "");
    assert_eq!(host.name(&pods(ID)), "shop/pay-0/app");
}

#[test]
fn a_pod_by_the_kubelets_logs() {
    let host = Host::new();
    host.file(&format!("var/log/containers/pay-0_shop_app-{ID}.log"), "");
    assert_eq!(host.name(&pods(ID)), "shop/pay-0/app");
    // gVisor and Kata: only the pod has a cgroup.
    let host = Host::new();
    host.file(&format!("var/log/pods/shop_pay-0_{UID}/app/0.log"), "");
    assert_eq!(host.name(&format!("/kubepods/pod{UID}")), "shop/pay-0");
}

#[test]
fn a_pod_of_cri_o_and_a_container_of_podman() {
    let host = Host::new();
    let crio = format!(
        r#"{{"annotations":{{"io.container.manager":"cri-o","io.kubernetes.container.name":"app",
            "io.kubernetes.pod.name":"pay-0","io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"{UID}"}}}}"#
    );
    host.file(&format!("run/containers/storage/overlay-containers/{ID}/userdata/config.json"), &crio);
    let scope =
        format!("/kubepods.slice/kubepods-pod{}.slice/crio-{ID}.scope/container", UID.replace('-', "_"));
    assert_eq!(host.name(&scope), "shop/pay-0/app");

    let host = Host::new();
    host.file(
        &format!("var/lib/containers/storage/overlay-containers/{ID}/userdata/config.json"),
        r#"{"annotations":{"io.container.manager":"libpod","io.kubernetes.cri-o.ContainerType":"container"}}"#,
    );
    let list = format!(r#"[{{"id":"other","names":["x"]}},{{"id":"{ID}","names":["web1","alias"]}}]"#);
    host.file("var/lib/containers/storage/overlay-containers/containers.json", &list);
    assert_eq!(host.name(&format!("/machine.slice/libpod-{ID}.scope")), "web1");
}

#[test]
fn a_container_of_docker() {
    let host = Host::new();
    host.file(
        &format!("run/containerd/io.containerd.runtime.v2.task/moby/{ID}/config.json"),
        r#"{"annotations":null}"#,
    );
    host.file(
        &format!("var/lib/docker/containers/{ID}/config.v2.json"),
        r#"{"ID":"x","Name":"/dk1","Config":{"Labels":{"com.docker.compose.service":"web","maker":"x"}}}"#,
    );
    let names = host.names(&format!("/system.slice/docker-{ID}.scope"));
    assert_eq!((names.to_string(), names.owner.as_deref()), ("dk1".to_owned(), Some("web")));
}

#[test]
fn containerd_alone_calls_cgroups_by_names() {
    let host = Host::new();
    host.file(
        "run/containerd/io.containerd.runtime.v2.task/default/web-1/config.json",
        r#"{"annotations":{}}"#,
    );
    assert_eq!(host.name("/default/web-1"), "web-1");
    assert_eq!(host.name("/default/other"), "/default/other");
    assert_eq!(host.name("/default/../web-1"), "/default/../web-1");
}

#[test]
fn what_is_no_sound_file_says_nothing() {
    let host = Host::new();
    for text in
        ["", "{", "[]", r#"{"annotations":7}"#, r#"{"annotations":{"io.kubernetes.cri.container-name":""}}"#]
    {
        host.file(&format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"), text);
        assert_eq!(host.name(&pods(ID)), format!("{UID}/{}", &ID[..12]), "{text}");
    }
}
