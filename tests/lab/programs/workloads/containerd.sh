#!/usr/bin/env bash
# containerd with its CRI plugin and runc, without a kubelet: a pod whose containers talk to each other, one of them ended
# and started again as a kubelet does; and a container of `ctr`, whose cgroup is called by a name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
if [ -S /run/containerd/containerd.sock ] && timeout 2 ctr version > /dev/null 2>&1; then echo "another containerd is running"; exit 1; fi
rm -f /run/containerd/containerd.sock /run/containerd/containerd.sock.ttrpc
uid=0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c0aa sandbox=
mkdir -p cni
cat > cni/10-lab.conflist <<'CNI'
{"cniVersion":"0.4.0","name":"lab","plugins":[{"type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.231.7.0/24"}]]}}]}
CNI
cat > containerd.toml <<TOML
version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/whohungup/pause:latest"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$PWD/cni"
TOML
containerd --config containerd.toml > containerd.log 2>&1 & daemon=$!
clean() {
    [ -z "$sandbox" ] || python3 "$here/cri.py" remove "$sandbox" || true
    ctr -n whohungup task rm -f by-name > /dev/null 2>&1 || true
    ctr -n whohungup container rm by-name > /dev/null 2>&1 || true
    kill $daemon
    wait $daemon || true
    rm -rf "/var/log/pods/shop_checkout-7d9f8c6b5-x2k4q_$uid"
    # What a kubelet removes.
    find /sys/fs/cgroup -depth -path "*pod$uid*" -type d -exec rmdir {} + 2> /dev/null || true
}
trap clean EXIT
for _ in $(seq 200); do [ -S /run/containerd/containerd.sock ] && timeout 2 ctr version > /dev/null 2>&1 && break; sleep 0.05; done
image lab null
image pause '["/bin/sleep","1000000"]'
for archive in lab pause; do ctr -n k8s.io images import $archive.tar > /dev/null; done
ctr -n whohungup images import lab.tar > /dev/null

cri() { python3 "$here/cri.py" "$@"; }
python=/usr/bin/python3
sandbox=$(cri pod checkout-7d9f8c6b5-x2k4q shop $uid /kubepods/burstable/pod$uid)
mkdir -p "/var/log/pods/shop_checkout-7d9f8c6b5-x2k4q_$uid"/{app,caller,keeper}
app=$(cri start "$sandbox" 0 app "exec $python /lab/idle.py serve 18089 1")
caller=$(cri start "$sandbox" 0 caller "exec $python /lab/idle.py ask 18089 6")
# Ends with connections open: the closes come when it is gone.
cri start "$sandbox" 0 keeper "$python /lab/idle.py hold 18091 3; exec sleep 1000" > /dev/null
ended=$(cri start "$sandbox" 0 ends "exec $python /lab/idle.py serve 18091 600")
ctr -n whohungup run -d --mount type=bind,src=/usr,dst=/usr,options=rbind:ro --mount type=bind,src=/lib,dst=/lib,options=rbind:ro \
    --mount type=bind,src=/lib64,dst=/lib64,options=rbind:ro --mount "type=bind,src=$here,dst=/lab,options=rbind:ro" \
    localhost/whohungup/lab:latest by-name /bin/sh -c "$python /lab/idle.py serve 18090 1 & $python /lab/idle.py ask 18090 3"
established() { # PORT COUNT
    for _ in $(seq 400); do
        [ "$(nsenter -t "$(ctr -n k8s.io task ls | awk -v id="$ended" '$1 == id { print $2 }')" -n ss -Htn state established "sport = :$1" | wc -l)" -ge "$2" ] && return
        sleep 0.05
    done
    echo "no $2 connections at $1"; exit 1
}
has_ended() { # NAMESPACE CONTAINER
    for _ in $(seq 600); do
        ctr -n "$1" task ls | grep -q "^$2 .*RUNNING" || return 0
        sleep 0.05
    done
    echo "$2 did not end"; exit 1
}
established 18091 3
cri stop "$ended"
has_ended k8s.io "$caller"
# As a kubelet starts a container again: another id, the same name.
cri stop "$app"
cri start "$sandbox" 1 app "exec $python /lab/idle.py serve 18089 1" > /dev/null
caller=$(cri start "$sandbox" 1 caller "exec $python /lab/idle.py ask 18089 3")
has_ended k8s.io "$caller"
has_ended whohungup by-name
