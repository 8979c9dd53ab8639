# containerd with its CRI plugin and runc, without a kubelet. Sourced, in the play's directory, after image.sh. What a run that
# was interrupted has left is not there for the next one.

# Beside a containerd that the host may have, where k3s has its own.
state=/run/k3s/containerd
export CONTAINERD_ADDRESS=$state/containerd.sock

containerd_start() { # SUBNET
    if [ -S "$CONTAINERD_ADDRESS" ] && timeout 2 ctr version > /dev/null 2>&1; then echo "k3s is running"; exit 1; fi
    mkdir -p $state
    rm -f "$CONTAINERD_ADDRESS" "$CONTAINERD_ADDRESS.ttrpc"
    mkdir -p cni
    cat > cni/10-lab.conflist <<CNI
{"cniVersion":"0.4.0","name":"lab","plugins":[{"type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"$1"}]]}}]}
CNI
    cat > containerd.toml <<TOML
version = 2
root = "$PWD/containerd"
state = "$state"
[grpc]
  address = "$CONTAINERD_ADDRESS"
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
    for _ in $(seq 200); do [ -S "$CONTAINERD_ADDRESS" ] && timeout 2 ctr version > /dev/null 2>&1 && break; sleep 0.05; done
    image lab null
    image pause '["/bin/sleep","1000000"]'
    for archive in lab pause; do ctr -n k8s.io images import $archive.tar > /dev/null; done
}

containerd_stop() { # POD-UID...
    kill $daemon
    wait $daemon || true
    # What a kubelet removes.
    for uid in "$@"; do
        rm -rf /var/log/pods/*_"$uid"
        find /sys/fs/cgroup -depth -path "*pod$uid*" -type d -exec rmdir {} + 2> /dev/null || true
    done
}

cri() { python3 "$here/cri.py" "$@"; }

task_pid() { # CONTAINER
    ctr -n k8s.io task ls | awk -v id="$1" '$1 == id { print $2 }'
}
