#!/usr/bin/env bash
# own-host-forgets.sh http|ping [N]: the Nth has namespaces and ports of its own.
# the client's own host forgets flows that were silent for 3 s, and drops what belongs to none: 10.7.3.2 -> 10.7.3.1
N=${2:-0}; F=o$N; B=$((31081+N))
for n in c s; do ip netns del $F$n 2>/dev/null; ip netns add $F$n; ip -n $F$n link set lo up; done
ip link add oc$N netns ${F}c type veth peer name os$N netns ${F}s
ip -n ${F}c addr add 10.7.3.2/24 dev oc$N; ip -n ${F}s addr add 10.7.3.1/24 dev os$N
ip -n ${F}c link set oc$N up; ip -n ${F}s link set os$N up
printf "table ip f {\n chain o {\n type filter hook output priority filter; policy accept;\n ct state invalid drop\n }\n}\n" | ip netns exec ${F}c nft -f -
ip netns exec ${F}c sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=3 net.netfilter.nf_conntrack_tcp_loose=0
ip netns exec ${F}s python3 -c "
import socket,threading
def h(c):
    try:
        while (d:=c.recv(4096)): c.sendall(b'PONG\n' if d[:1]==b'P' else b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    except OSError: pass
l=socket.create_server(('10.7.3.1',$B))
while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()" & S=$!
until [ -n "$(ip netns exec ${F}s ss -Hltn "sport = :$B")" ]; do sleep .05; done
ip netns exec ${F}c python3 -c "
import socket,threading,time
m=b'PING\n' if '$1'=='ping' else b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
def one(i):
    s=socket.create_connection(('10.7.3.1',$B),timeout=5)
    try:
        for d in (.3,1,2,4+i*.3): s.sendall(m); s.recv(99); time.sleep(d)
        s.sendall(m); s.recv(99); print(i,'fine')
    except OSError as e: print(i,'LOST',e)
    s.close()
t=[threading.Thread(target=one,args=(i,)) for i in range(5)]
[x.start() for x in t]; [x.join() for x in t]"
kill $S; for n in c s; do ip netns del $F$n; done
