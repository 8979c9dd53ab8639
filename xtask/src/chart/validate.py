# python validate.py SOURCES MANIFESTS
# Every object of rendered manifests has a schema and fits it, and the DaemonSet asks for no more than was promised.
#
# Kubernetes' own kinds are held against the JSON schemas of the version in the file's name. The Prometheus operator's are held
# against models that were generated from its CRDs; those pass over fields that they do not know, so what they kept is compared
# with what they were given.
import sys
from pathlib import Path

import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

# What a pod may add, beyond what the values leave out.
CAPABILITIES = {"BPF", "PERFMON", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_ADMIN"}
HOST_PATHS = {"/sys/fs/cgroup"}
RECORD_PATHS = {"/var/lib/whohungup"}

problems = []


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def custom(found):
    kept = getattr(operator, found["kind"]).model_validate(found).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    assert kept == found, f"fields that the CRD does not have: {kept} instead of {found}"


def validate(found, version):
    if found["apiVersion"] == "monitoring.coreos.com/v1":
        custom(found)
    else:
        kubernetes_validate.validate(found, version, strict=True)


def promises(found, with_host_root, with_api):
    """Not privileged, no namespace of the host but its processes, no files of it but its cgroups and the record's, no
    token unless the API is asked, and nothing to write to but the record."""
    spec = found["spec"]["template"]["spec"]
    assert spec["hostPID"] is True and not {"hostNetwork", "hostIPC"} & set(spec), "namespaces of the host"
    assert spec["automountServiceAccountToken"] is with_api, "a token of the API"
    (container,) = spec["containers"]
    security = container["securityContext"]
    assert security["privileged"] is False and security["allowPrivilegeEscalation"] is False, "privileges"
    assert security["readOnlyRootFilesystem"] is True, "a file system to write to"
    assert security["capabilities"]["drop"] == ["ALL"], "capabilities that stay"
    assert set(security["capabilities"]["add"]) <= CAPABILITIES, "capabilities"
    paths = {volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume}
    may_be = HOST_PATHS | RECORD_PATHS | ({"/"} if with_host_root else set())
    assert HOST_PATHS <= paths <= may_be, f"files of the host: {paths}"
    written = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert written in ([], ["record"]), f"mounts to write to: {written}"


def protected(found, name):
    """With a web configuration the agent reads it from a Secret, and whoever asks does so as it wants; without, nothing."""
    tls, asks = name.startswith("web-config"), name == "web-config-values"
    if found["kind"] in ("ServiceMonitor", "PodMonitor"):
        (endpoint,) = found["spec"].get("endpoints") or found["spec"]["podMetricsEndpoints"]
        assert (endpoint.get("scheme") == "https") is tls, "the scheme of scrapes"
        assert ("tlsConfig" in endpoint) is tls, "TLS of scrapes"
    if found["kind"] != "DaemonSet":
        return
    spec = found["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    files = [one["value"] for one in container["env"] if one["name"] == "WHOHUNGUP_WEB_CONFIG_FILE"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "web"]
    secrets = [volume["secret"] for volume in spec["volumes"] if volume["name"] == "web"]
    assert len(files) == len(mounts) == len(secrets) == tls, "the web configuration"
    for file, mount, secret in zip(files, mounts, secrets):
        assert file.startswith(f"{mount}/") and secret["defaultMode"] == 0o400, "the file"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in container:
            scheme = container[probe].get("httpGet", {}).get("scheme", "HTTP")
            assert ("tcpSocket" in container[probe]) is asks, f"{probe} has no password"
            assert asks or (scheme == "HTTPS") is tls, f"the scheme of {probe}"


def may_watch_pods(found, with_api):
    """What needs a right of the API is asked for, and no more."""
    assert with_api, "a right to ask the API"
    assert found["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["watch"]}], "rights"


def unchanged(found, sources):
    """Helm expanded nothing in the rules and in the dashboards, which have braces of their own."""
    if found["kind"] == "PrometheusRule":
        (source,) = documents(sources / "whohungup-rules.yaml")
        assert found["spec"] == source["spec"], "not the rules of dashboards/"
    if found["kind"] == "ConfigMap":
        (source,) = documents(sources / "dashboards.yaml")
        assert found["data"] == source["data"], "not the dashboards of dashboards/"


sources, manifests = map(Path, sys.argv[1:])
count = 0
for path in sorted(manifests.iterdir()):
    name, version = path.stem.rsplit("-", 1)
    with_api = name.startswith("everything")
    for found in documents(path):
        count += 1
        try:
            validate(found, version)
            if found["kind"] == "DaemonSet":
                promises(found, name.startswith("host-root"), with_api)
            if found["kind"] == "ClusterRole":
                may_watch_pods(found, with_api)
            protected(found, name)
            unchanged(found, sources)
        except Exception as error:
            where = ".".join(map(str, getattr(error, "absolute_path", [])))
            message = getattr(error, "message", str(error))
            problems.append(f"{path.name}: {found['kind']} {where} {message}")

print(f"{count} objects, {len(problems)} problems")
sys.exit("\n".join(problems) if problems else count == 0)
