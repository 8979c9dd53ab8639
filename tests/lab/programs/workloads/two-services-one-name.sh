#!/usr/bin/env bash
# Two network namespaces, in each a Python server on one port and its own clients. `one` ends idle connections after 1 s and
# loses requests, `six` after 6 s and loses none.
set -eu
here=$(dirname "$0") port=18086 servers=
for name in one six; do
    ip netns del "wh-lab-$name" 2>/dev/null || true
    ip netns add "wh-lab-$name"
    ip -n "wh-lab-$name" link set lo up
done
# shellcheck disable=SC2086
trap 'kill $servers 2>/dev/null || true; ip netns del wh-lab-one; ip netns del wh-lab-six' EXIT
ip netns exec wh-lab-one python3 "$here/idle.py" serve $port 1 & servers="$!"
ip netns exec wh-lab-six python3 "$here/idle.py" serve $port 6 & servers="$servers $!"
ip netns exec wh-lab-one python3 "$here/idle.py" ask $port 8 & one=$!
ip netns exec wh-lab-six python3 "$here/idle.py" ask $port 8 & six=$!
wait $one $six
