#!/usr/bin/env bash
# Docker's daemon, the host's or one of its own: two containers with one program and port. One has the labels that Compose gives,
# the other a cgroup namespace of its own, and is renamed while it runs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
names=(wh-lab-d wh-lab-e)
docker=(docker) daemon=
if ! docker version > /dev/null 2>&1; then
    docker=(docker -H "unix://$PWD/docker.sock")
    dockerd --exec-root "$PWD/exec" --pidfile "$PWD/pid" -H "unix://$PWD/docker.sock" --iptables=false --ip6tables=false --bridge=none > dockerd.log 2>&1 & daemon=$!
fi
clean() {
    "${docker[@]}" rm -f "${names[@]}" wh-lab-f > /dev/null 2>&1 || true
    [ -z "$daemon" ] || { kill $daemon; wait $daemon || true; }
}
trap clean EXIT
for _ in $(seq 400); do "${docker[@]}" version > /dev/null 2>&1 && break; sleep 0.05; done
"${docker[@]}" rm -f "${names[@]}" wh-lab-f > /dev/null 2>&1 || true
image lab null
"${docker[@]}" load -q -i lab.tar > /dev/null
start() { # NAME IDLE OPTION...
    "${docker[@]}" run -d --name "$1" --network none -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro -v "$here:/lab:ro" "${@:3}" \
        localhost/whohungup/lab:latest /bin/sh -c "exec /usr/bin/python3 /lab/idle.py serve 18099 $2" > /dev/null
}
inside() { "${docker[@]}" exec "$1" /usr/bin/python3 /lab/idle.py "${@:2}"; }

start wh-lab-d 1 --label com.docker.compose.project=shop --label com.docker.compose.service=stock
start wh-lab-e 6 --cgroupns private
inside wh-lab-d ask 18099 6 & d=$!
inside wh-lab-e ask 18099 6 & e=$!
wait $d $e
"${docker[@]}" rename wh-lab-e wh-lab-f
# Names are read again every ten seconds.
sleep 11
inside wh-lab-f ask 18099 2
