#!/usr/bin/env python3
# path.py rst|drop: a NAT forgets flows that were silent for 3 s: 10.8.1.2 -> 10.8.9.9:18806 -> 10.8.2.2:18807; it answers what it
# has forgotten with a reset, or with nothing
from advice import *
how=sys.argv[1]; N={'rst':0,'drop':2}[how]; V,B=18806+N,18807+N; F='cu%d'%N; A='10.8.%d'
def sh(text): subprocess.run(['bash','-ec',text],check=True)
if sys.argv[2:]==['client']:
    use(('10.8.9.9',V),[.3,1,2,4.2,1,4.6,1.5,5],clients=3); sys.exit()
sh(r'''
for n in c m s; do ip netns del {F}$n 2>/dev/null || true; ip netns add {F}$n; ip -n {F}$n link set lo up; done
ip link add c0 netns {F}c type veth peer name m0 netns {F}m
ip link add s0 netns {F}s type veth peer name m1 netns {F}m
ip -n {F}c addr add 10.8.1.2/24 dev c0; ip -n {F}m addr add 10.8.1.1/24 dev m0; ip -n {F}s addr add 10.8.2.2/24 dev s0; ip -n {F}m addr add 10.8.2.1/24 dev m1
ip -n {F}c link set c0 up; ip -n {F}m link set m0 up; ip -n {F}m link set m1 up; ip -n {F}s link set s0 up
ip -n {F}c route add default via 10.8.1.1; ip -n {F}s route add default via 10.8.2.1; ip -n {F}m addr add 10.8.9.9/32 dev lo
ip netns exec {F}m sysctl -qw net.ipv4.ip_forward=1
ip netns exec {F}m nft -f - <<'X'
table ip n {{
 chain p {{ type nat hook prerouting priority dstnat; policy accept; ip daddr 10.8.9.9 tcp dport {V} dnat to 10.8.2.2:{B}
 }}
 {D}
}}
X
ip netns exec {F}m sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=3 net.netfilter.nf_conntrack_tcp_loose=0
'''.format(F=F,V=V,B=B,D='' if how=='rst' else 'chain i { type filter hook input priority filter; policy accept; ip daddr 10.8.9.9 tcp dport %d drop\n }'%V))
server="""
import socket,threading
def h(c):
    try:
        while c.recv(4096): c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    except OSError: pass
l=socket.create_server(('10.8.2.2',%d))
while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()"""%B
with Running('ip','netns','exec',F+'s','python3','-c',server):
    time.sleep(1); subprocess.run(['ip','netns','exec',F+'c','python3',sys.argv[0],how,'client'],check=True)
sh('for n in c m s; do ip netns del %s$n; done'%F)
