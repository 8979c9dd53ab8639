//! Paths as they were met, or as their makers write them (docs/workloads.md).

use super::*;

const ID: &str = "e69efbc992d1052e85ee795f9f947e72a4d43e693cc53457674e8b027b6467e3";
const OUTER: &str = "884cc57379825d922a087180bc342d258cc184f689dff24532de25d21c0c5c05";
const UID: &str = "0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c001";
const UID_: &str = "0f5a2b77_6f0c_4b5a_9d0e_3a1de6b3c001";

/// Kind, pod's UID, container's id, unit of what lives at `path`.
fn found(path: &str) -> (WorkloadKind, Option<String>, Option<String>, Option<String>) {
    let Names { kind, pod_uid, container_id, unit, .. } = from_cgroup_path(path).expect(path);
    (kind, pod_uid, container_id, unit)
}

#[expect(clippy::unnecessary_wraps, reason = "the form of what is compared")]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_root_is_nobodys() {
    assert_eq!(from_cgroup_path("/"), None);
    assert_eq!(from_cgroup_path(""), None);
}

#[test]
fn containers_of_pods() {
    for path in [
        format!("/kubepods/burstable/pod{UID}/{ID}"),
        format!("/kubepods/pod{UID}/{ID}"),
        format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice/cri-containerd-{ID}.scope"
        ),
        format!("/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope"),
        format!("/system.slice/containerd.service/kubepods-besteffort-pod{UID_}.slice:cri-containerd:{ID}"),
        format!("/kubepods-besteffort-pod{UID_}.slice:cri-containerd:{ID}"),
        format!(
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{ID}.scope"
        ),
        format!(
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/crio-{ID}.scope/container"
        ),
        format!(
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice/docker-{ID}.scope"
        ),
        format!("/kubepods/besteffort/pod{UID}/crio-{ID}"),
        format!(
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{UID_}.slice/cri-containerd-{ID}.scope"
        ),
        format!(
            "/system.slice/docker-{OUTER}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope"
        ),
        format!("/docker/{OUTER}/kubepods/burstable/pod{UID}/{ID}"),
    ] {
        assert_eq!(found(&path), (WorkloadKind::Pod, some(UID), some(ID), None), "{path}");
    }
    let hash = "8daa50c3a64c9ff60bb9eab7b44b56fd";
    let path = format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{hash}.slice/cri-containerd-{ID}.scope"
    );
    assert_eq!(found(&path), (WorkloadKind::Pod, some(hash), some(ID), None));
    let path = format!("/kubepods.slice/kubepods-pod{UID_}.slice");
    assert_eq!(found(&path), (WorkloadKind::Pod, some(UID), None, None));
}

#[test]
fn containers_by_themselves() {
    for path in [
        format!("/docker/{ID}"),
        format!("/system.slice/docker-{ID}.scope"),
        format!("/machine.slice/libpod-{ID}.scope"),
        format!("/machine.slice/libpod-{ID}.scope/container"),
        format!("/libpod_parent/libpod-{ID}"),
        format!("/libpod_parent/{OUTER}/libpod-{ID}"),
        format!("/machine.slice/machine-libpod_pod_{OUTER}.slice/libpod-{ID}.scope"),
        format!("/ecs/0123456789abcdef0123456789abcdef/{ID}"),
        format!("/system.slice/podman-web.service/libpod-payload-{ID}"),
    ] {
        assert_eq!(found(&path), (WorkloadKind::Container, None, some(ID), None), "{path}");
    }
    // A user may call a cgroup as another's container is called.
    let path =
        format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container");
    assert_eq!(found(&path), (WorkloadKind::Container, None, some(ID), some("user@1000.service")));
    let path = format!("/system.slice/docker-{ID}.scope/system.slice/nginx.service");
    assert_eq!(found(&path), (WorkloadKind::Container, None, some(ID), some("nginx.service")));
}

#[test]
fn containers_with_names() {
    for (path, name) in [
        ("/lxc.payload.web1/system.slice", "web1"),
        ("/lxc.payload/web1", "web1"),
        ("/lxc/web1", "web1"),
        ("/machine.slice/systemd-nspawn@web1.service/payload", "web1"),
        ("/machine.slice/machine-web\\x2d1.scope/payload", "web-1"),
        ("/nomad.slice/share.slice/6b6a5d0c-3f0a-4f0e-9a7e-0d4b1c2f3a5b.web.scope", "web"),
        ("/nomad/6b6a5d0c-3f0a-4f0e-9a7e-0d4b1c2f3a5b.web", "web"),
    ] {
        let names = from_cgroup_path(path).expect(path);
        assert_eq!((names.kind, names.container), (WorkloadKind::Container, some(name)), "{path}");
    }
}

#[test]
fn units() {
    for (path, unit) in [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/system.slice/containerd.service", "containerd.service"),
        ("/system.slice/dev\\x2dnode.service/sub", "dev-node.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "user-1000.slice"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
            "user@1000.service/web.service",
        ),
        ("/init.scope", "init.scope"),
        ("/app.slice", "app.slice"),
    ] {
        assert_eq!(found(path), (WorkloadKind::Unit, None, None, some(unit)), "{path}");
    }
    // A container's monitor is a unit like others.
    let path = format!("/machine.slice/libpod-conmon-{ID}.scope");
    assert_eq!(found(&path).0, WorkloadKind::Unit);
}

#[test]
fn other_cgroups_are_called_by_their_path() {
    let names = from_cgroup_path("/k8s.io/NAME").expect("a cgroup");
    assert_eq!((names.kind, names.cgroup), (WorkloadKind::Cgroup, some("/k8s.io/NAME")));
    // Neither of these is what it looks like at first.
    for path in ["/podcast/web", "/kubepods/podium", "/a/é64", "/x/\\x", "/x/\\xg1\\x2"] {
        assert_eq!(found(path).0, WorkloadKind::Cgroup, "{path}");
    }
}
