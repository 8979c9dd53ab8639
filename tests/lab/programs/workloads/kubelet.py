#!/usr/bin/env python3
"""Runs the pod of a DaemonSet as a kubelet asks a runtime to: what the manifest says, and the kubelet's own defaults.
 kubelet.py run MANIFEST IMAGE UID       MANIFEST as JSON objects, one a line; prints the ids of the pod and its container
 kubelet.py exec CONTAINER COMMAND...    prints what it prints, exits as it exits
 kubelet.py probes MANIFEST              prints the paths and the port of the container's probes
The numbers of fields are those of k8s.io/cri-api, runtime/v1/api.proto."""
import json, os, sys

from cri import call, message, text_of_first_field

POD, NODE = 0, 2
# The kubelet's for `procMount: Default` (pkg/securitycontext/util.go).
MASKED = ["/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
# What is read of a manifest: anything else would be left out in silence.
POD_FIELDS = {"containers", "volumes", "hostPID", "serviceAccountName", "automountServiceAccountToken", "enableServiceLinks",
              "nodeSelector", "tolerations"}
SECURITY = {"privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "runAsUser", "runAsGroup", "capabilities",
            "seccompProfile", "appArmorProfile"}


def daemonset(path):
    objects = [json.loads(line) for line in open(path)]
    found = next(one for one in objects if one and one["kind"] == "DaemonSet")
    pod = found["spec"]["template"]["spec"]
    assert not set(pod) - POD_FIELDS, set(pod) - POD_FIELDS
    (container,) = pod["containers"]
    assert not set(container["securityContext"]) - SECURITY, container["securityContext"]
    return found["metadata"], pod, container


def bytes_of(quantity):
    assert quantity.endswith("Mi"), quantity
    return int(quantity[:-2]) << 20


def namespaces(pod):
    return message(_1=POD, _2=NODE if pod.get("hostPID") else POD, _3=POD)


def security(pod, container):
    asked = container["securityContext"]
    assert not asked["privileged"] and asked["seccompProfile"] == {"type": "RuntimeDefault"}
    capabilities = message(_1=asked["capabilities"]["add"], _2=asked["capabilities"]["drop"])
    number = lambda value: message(_1=value)
    return message(
        _1=capabilities,
        _3=namespaces(pod),
        _5=number(asked["runAsUser"]),
        _7=int(asked["readOnlyRootFilesystem"]),
        _11=int(not asked["allowPrivilegeEscalation"]),
        _12=number(asked["runAsGroup"]),
        _13=MASKED,
        _14=READ_ONLY,
        _15=message(_1=0),
    )


def host_path(asked):
    """What a kubelet would make on its node is made in the play's own folder."""
    if asked["type"] != "DirectoryOrCreate":
        return asked["path"]
    path = os.getcwd() + asked["path"]
    os.makedirs(path, exist_ok=True)
    return path


def mounts(pod, container):
    volumes = {volume["name"]: host_path(volume["hostPath"]) for volume in pod["volumes"]}
    propagation = {None: 0, "None": 0, "HostToContainer": 1}
    return [
        message(_1=mount["mountPath"], _2=volumes[mount["name"]], _3=int(mount.get("readOnly", False)), _5=propagation[mount.get("mountPropagation")])
        for mount in container["volumeMounts"]
    ]


def run(manifest, image, uid):
    metadata, pod, container = daemonset(manifest)
    name, namespace, parent = "whohungup-x7k2p", metadata.get("namespace", "whohungup"), f"/kubepods/burstable/pod{uid}"
    logs = f"/var/log/pods/{namespace}_{name}_{uid}"
    labels = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid}
    sandbox_config = message(
        _1=message(_1=name, _2=uid, _3=namespace, _4=0), _2=name, _3=logs, _6=labels,
        _8=message(_1=parent, _2=message(_1=namespaces(pod))),
    )
    sandbox = text_of_first_field(call("RunPodSandbox", message(_1=sandbox_config)))
    print(sandbox, flush=True)
    os.makedirs(f"{logs}/{container['name']}")
    config = message(
        _1=message(_1=container["name"], _2=0),
        _2=message(_1=image),
        _4=container["args"],
        _6=[message(_1=one["name"], _2=one["value"]) for one in container["env"]],
        _7=mounts(pod, container),
        _9={"io.kubernetes.container.name": container["name"], **labels},
        _11=f"{container['name']}/0.log",
        _15=message(_1=message(_4=bytes_of(container["resources"]["limits"]["memory"])), _2=security(pod, container)),
    )
    made = text_of_first_field(call("CreateContainer", message(_1=sandbox, _2=config, _3=sandbox_config)))
    call("StartContainer", message(_1=made))
    print(made)


def execute(container, *command):
    answer = call("ExecSync", message(_1=container, _2=list(command), _3=240))
    code = 0
    at = 0
    while at < len(answer):
        field, at = varint(answer, at)
        value, at = varint(answer, at)
        if field == 3 << 3:
            code = value
        else:
            sys.stdout.buffer.write(answer[at : at + value])
            at += value
    sys.exit(code)


def varint(answer, at):
    value = shift = 0
    while True:
        value |= (answer[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if answer[at - 1] < 128:
            return value, at


def probes(manifest):
    _, _, container = daemonset(manifest)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[kind]["httpGet"]
        print(f":{ports[asked['port']]}{asked['path']}")


{"run": run, "exec": execute, "probes": probes}[sys.argv[1]](*sys.argv[2:])
