#!/usr/bin/env bash
# A listener's queue is full when the requests come, and net.ipv4.tcp_abort_on_overflow resets them at once. Its handshakes wait
# for the first byte (TCP_DEFER_ACCEPT): none is refused before. The two that have a place are answered.
F=overflow; ip netns del $F 2>/dev/null; ip netns add $F; ip -n $F link set lo up
ip netns exec $F sysctl -qw net.ipv4.tcp_abort_on_overflow=1
ip netns exec $F python3 -c "
import socket, time
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind(('127.0.0.1', $1))
l.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5); l.listen(3)
cs = [socket.create_connection(('127.0.0.1', $1)) for _ in range(8)]
for c in cs: c.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
time.sleep(.1); l.setblocking(False); held = []
try:
    while 1: s = l.accept()[0]; s.setblocking(True); s.recv(99); s.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); held.append(s)
except BlockingIOError: pass
print(len(held), 'accepted')
time.sleep(.5)
for c in cs:
    try: print(c.recv(99)[:15])
    except OSError as e: print(e)
"
ip netns del $F
