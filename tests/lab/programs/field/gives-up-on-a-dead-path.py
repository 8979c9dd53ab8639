#!/usr/bin/env python3
# The client's packets are dropped (iptables/nft in a namespace of its own pair `fc`/`fs`) in mid-conversation, silence 0.3 s,
# and after 2 s of silence; the client gives up after 0.15, 0.45, 0.9, 2 and 5 s; plain protocol and HTTP.
# client's end after 0.3 s of silence: 0.15 s premature-hangup (exact for HTTP), 0.45 s premature-hangup probable,
#   0.9 s network retransmit-timeout probable, 2 and 5 s network retransmit-timeout exact.
# after 2 s of silence: the same for 0.15 and 0.45 s, then network flow-forgotten probable. request clock = the timeout.
import os, socket, subprocess, sys, threading, time
def sh(text): subprocess.run(text, shell=True, check=True)
NFT = 'table ip d { chain o { type filter hook output priority 0; policy accept; ip daddr 10.7.5.2 tcp dport 32111 drop; } }'
if len(sys.argv) == 1:
    sh('for n in fc fs; do ip netns del $n 2>/dev/null; ip netns add $n; ip -n $n link set lo up; done;'
       'ip link add c0 netns fc type veth peer name s0 netns fs;'
       'ip -n fc addr add 10.7.5.1/24 dev c0; ip -n fs addr add 10.7.5.2/24 dev s0; ip -n fc link set c0 up; ip -n fs link set s0 up')
    server = subprocess.Popen(['ip', 'netns', 'exec', 'fs', sys.executable, sys.argv[0], 'serve'])
    time.sleep(1)
    sh(f'ip netns exec fc {sys.executable} {sys.argv[0]} ask')
    server.kill(); server.wait(); sh('ip netns del fc; ip netns del fs')
elif sys.argv[1] == 'serve':
    def handle(c):
        try:
            while d := c.recv(4096): c.sendall(b'PONG\n' if d[:1] == b'P' else b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        except OSError: pass
    l = socket.create_server(('10.7.5.2', 32111))
    while 1: threading.Thread(target=handle, args=(l.accept()[0],), daemon=True).start()
else:
    for silence in (.3, 2):
        conns = [(t, m, socket.create_connection(('10.7.5.2', 32111))) for t in (.15, .45, .9, 2, 5) for m in (b'PING\n', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')]
        for t, m, s in conns: s.sendall(m); s.recv(99)
        time.sleep(silence)
        sh(f"nft '{NFT}'")
        def ask(t, m, s):
            s.settimeout(t)
            try: s.sendall(m); s.recv(99)
            except OSError: pass
            s.close()
        ts = [threading.Thread(target=ask, args=c) for c in conns]
        [t.start() for t in ts]; [t.join() for t in ts]
        time.sleep(.3); sh('nft delete table ip d')
        time.sleep(1)
