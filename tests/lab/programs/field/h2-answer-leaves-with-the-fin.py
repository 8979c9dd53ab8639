#!/usr/bin/env python3
# HTTP/2: the answer's last frame is written with MSG_MORE and the server closes: data and FIN in one segment.
# both ends: server-idle or completed, phase idle, in flight 0, 2 requests; never premature-hangup.
import socket, time
from h2frames import *
l = socket.create_server(('127.0.0.1', 32103))
for _ in range(5):
    c, s = pair(l, 32103)
    c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.3)
    c.send(headers(3)); s.recv(999)
    s.send(frame(1, 4, 3, b'\x88')); c.recv(999)
    s.send(frame(0, 1, 3, b'done'), socket.MSG_MORE); s.close()
    time.sleep(.2); c.recv(999); c.close()
