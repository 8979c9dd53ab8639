#!/usr/bin/env bash
# Two namespaces behind a router that translates a service's address (DNAT), as kube-proxy does for a ClusterIP: the client
# connects to 10.232.9.9:80, the server listens at 10.232.2.2:18098 and ends idle connections after 1 s.
set -eu
here=$(dirname "$0") port=18098 servers=
names=(wh-lab-router wh-lab-left wh-lab-right)
clean() {
    # shellcheck disable=SC2086
    kill $servers 2> /dev/null || true
    for name in "${names[@]}"; do ip netns del "$name" 2> /dev/null || true; done
}
clean
trap clean EXIT
for name in "${names[@]}"; do
    ip netns add "$name"
    ip -n "$name" link set lo up
done
side() { # NAMESPACE NUMBER
    ip -n wh-lab-router link add "to$2" type veth peer name eth0 netns "$1"
    ip -n wh-lab-router addr add "10.232.$2.1/24" dev "to$2"
    ip -n wh-lab-router link set "to$2" up
    ip -n "$1" addr add "10.232.$2.2/24" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" route add default via "10.232.$2.1"
}
side wh-lab-left 1
side wh-lab-right 2
ip netns exec wh-lab-router sysctl -qw net.ipv4.ip_forward=1
ip netns exec wh-lab-router nft -f - <<NFT
table ip service {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        ip daddr 10.232.9.9 tcp dport 80 dnat to 10.232.2.2:$port
    }
}
NFT
ip netns exec wh-lab-right python3 "$here/idle.py" serve $port 1 10.232.2.2 & servers="$!"
until ip netns exec wh-lab-right ss -Htln "sport = :$port" | grep -q .; do sleep 0.05; done
ip netns exec wh-lab-left python3 "$here/idle.py" ask 80 6 10.232.9.9
