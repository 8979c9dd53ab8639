#!/usr/bin/env bash
# The agent in a pod, by its own manifest, image and chart, with containerd's CRI plugin and runc: its probes answer, `check` and
# `selftest` pass inside, and pods that talk beside it are named. AGENT is the static binary, REPOSITORY the sources, TOOLS
# the folder with Helm and a Python that reads YAML.
set -eu
# As systemd mounts it, and HostToContainer asks for.
if [ -z "${SHARED:-}" ]; then exec env SHARED=1 unshare -m --propagation shared "$0"; fi
mount --make-rshared /
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
. "$here/containerd-daemon.sh"
agent_uid=0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c0ab pod_uid=0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c0ac sandboxes=
clean() {
    for sandbox in $sandboxes; do cri remove "$sandbox" > /dev/null 2>&1 || true; done
    containerd_stop $agent_uid $pod_uid
}
trap clean EXIT
containerd_start 10.231.8.0/24

# The image, as docs/docker.md makes it.
mkdir -p context
cp "$AGENT" context/whohungup
podman build -q -f "$REPOSITORY/deploy/Containerfile" -t localhost/whohungup/agent:test context > /dev/null
podman save -q --format docker-archive -o agent.tar localhost/whohungup/agent:test
ctr -n k8s.io images import agent.tar > /dev/null

objects() { "$TOOLS/python" -c 'import json, sys, yaml
for one in yaml.safe_load_all(sys.stdin): print(json.dumps(one))'; }
objects < "$REPOSITORY/deploy/kubernetes/whohungup.yaml" > plain.json
"$TOOLS/helm" template whohungup "$REPOSITORY/deploy/helm/whohungup" --namespace whohungup --kube-version 1.30 --set hostRoot.mount=true | objects > chart.json

start_agent() { # MANIFEST
    rm -rf /var/log/pods/whohungup_*_"$agent_uid"
    python3 "$here/kubelet.py" run "$1" localhost/whohungup/agent:test $agent_uid > ids
    { read -r sandbox; read -r agent; } < ids
    sandboxes="$sandboxes $sandbox"
    for probe in $(python3 "$here/kubelet.py" probes "$1"); do
        for _ in $(seq 400); do ask "$probe" > answer 2>&1 && break; sleep 0.05; done
        echo "probe $probe: $(cat answer)"
    done
}
ask() { nsenter -t "$(task_pid "$agent")" -n curl -sf "http://127.0.0.1$1"; }
inside() { python3 "$here/kubelet.py" exec "$agent" "$@"; }

start_agent plain.json
echo "== plain: check"
inside /whohungup check
echo "== plain: degraded: $(ask :9909/metrics | grep '^whohungup_degraded' | grep ' 1$' | tr '\n' ' ')"
echo "== plain: selftest"
inside /whohungup selftest > selftest.txt || cat selftest.txt
tail -2 selftest.txt
cri remove "$sandbox"

start_agent chart.json
echo "== host root: check"
inside /whohungup check | grep -E "host's files|process ids|cgroup2"
python=/usr/bin/python3
sandbox=$(cri pod checkout-7d9f8c6b5-x2k4q shop $pod_uid /kubepods/burstable/pod$pod_uid)
sandboxes="$sandboxes $sandbox"
mkdir -p "/var/log/pods/shop_checkout-7d9f8c6b5-x2k4q_$pod_uid"/{app,caller}
cri start "$sandbox" 0 app "exec $python /lab/idle.py serve 18093 1" > /dev/null
caller=$(cri start "$sandbox" 0 caller "exec $python /lab/idle.py ask 18093 6")
for _ in $(seq 600); do ctr -n k8s.io task ls | grep -q "^$caller .*RUNNING" || break; sleep 0.05; done
races() { ask ":9909/metrics" | grep '^whohungup_idle_races_total' | grep 'server_port="18093"' | grep -v ' 0$'; }
for _ in $(seq 400); do [ "$(races | awk '{ sum += $NF } END { print sum + 0 }')" -ge 12 ] && break; sleep 0.05; done
echo "== host root: races"
races
echo "== host root: record"
inside /whohungup query --port 18093 --verdict idle-race --summary
