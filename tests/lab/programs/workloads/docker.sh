#!/usr/bin/env bash
# Docker's daemon with runc: two containers with one program and port, one of them in a cgroup namespace of its own and renamed
# while it runs, one with the labels that Compose gives.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/image.sh"
if pidof dockerd > /dev/null; then echo "another dockerd is running"; exit 1; fi
docker=(docker -H "unix://$PWD/docker.sock")
names=(wh-lab-d wh-lab-e)
dockerd --exec-root "$PWD/exec" --pidfile "$PWD/pid" -H "unix://$PWD/docker.sock" --iptables=false --ip6tables=false --bridge=none > dockerd.log 2>&1 & daemon=$!
clean() {
    "${docker[@]}" rm -f "${names[@]}" wh-lab-f > /dev/null 2>&1 || true
    kill $daemon
    wait $daemon || true
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
