#!/usr/bin/env bash
# containerd with its CRI plugin and runc, without a kubelet: a pod whose containers talk to each other, one of them ended
# and started again as a kubelet does; and a container of `ctr`, whose cgroup is called by a name.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
. "$here/containerd-daemon.sh"
uid=0f5a2b77-6f0c-4b5a-9d0e-3a1de6b3c0aa sandbox=
clean() {
    [ -z "$sandbox" ] || python3 "$here/cri.py" remove "$sandbox" || true
    ctr -n whohungup task rm -f by-name > /dev/null 2>&1 || true
    ctr -n whohungup container rm by-name > /dev/null 2>&1 || true
    containerd_stop $uid
}
trap clean EXIT
containerd_start 10.231.7.0/24
ctr -n whohungup images import lab.tar > /dev/null

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
        [ "$(nsenter -t "$(task_pid "$ended")" -n ss -Htn state established "sport = :$1" | wc -l)" -ge "$2" ] && return
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
