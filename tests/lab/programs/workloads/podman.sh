#!/usr/bin/env bash
# Podman with runc: two containers with one program and port; one that is renamed while it runs; two in a pod, which share a
# network namespace.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
# The usual limits need CAP_SYS_RESOURCE; the container of a pod's infrastructure takes no options.
printf '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=1024:2048"]\n' > containers.conf
export CONTAINERS_CONF=$PWD/containers.conf
podman=(podman --runtime runc --cgroup-manager cgroupfs --events-backend file)
names=(wh-lab-a wh-lab-b wh-lab-c wh-lab-server wh-lab-caller)
clean() {
    "${podman[@]}" rm -f -i -t 0 "${names[@]}" > /dev/null 2>&1 || true
    "${podman[@]}" pod rm -f -i -t 0 wh-lab-pod > /dev/null 2>&1 || true
}
clean
trap clean EXIT
image lab null
image pause '["/bin/sleep","1000000"]'
for archive in lab pause; do "${podman[@]}" load -q -i $archive.tar > /dev/null; done
mounts=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v "$here:/lab:ro")
start() { # NAME OPTION... COMMAND
    local name=$1 command=${*: -1}
    "${podman[@]}" run -d --name "$name" "${mounts[@]}" "${@:2:$#-2}" localhost/whohungup/lab:latest /bin/sh -c "$command" > /dev/null
}
inside() { "${podman[@]}" exec "$1" /usr/bin/python3 /lab/idle.py "${@:2}"; }

start wh-lab-a --network none --cgroupns host "exec /usr/bin/python3 /lab/idle.py serve 18087 1"
start wh-lab-b --network none --cgroupns private "exec /usr/bin/python3 /lab/idle.py serve 18087 6"
"${podman[@]}" pod create --name wh-lab-pod --network none --infra-image localhost/whohungup/pause:latest > /dev/null
start wh-lab-server --pod wh-lab-pod "exec /usr/bin/python3 /lab/idle.py serve 18088 1"
start wh-lab-caller --pod wh-lab-pod "exec /bin/sleep 1000"
inside wh-lab-a ask 18087 6 & a=$!
inside wh-lab-b ask 18087 6 & b=$!
inside wh-lab-caller ask 18088 6 & caller=$!
wait $a $b $caller
"${podman[@]}" rename wh-lab-b wh-lab-c
# Names are read again every ten seconds.
sleep 11
inside wh-lab-c ask 18087 2
