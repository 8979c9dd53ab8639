#!/usr/bin/env python3
# HTTP/2: a new stream on an idle connection is sent and read by the server's kernel, while the server sends GOAWAY with
# the stream before as its last, and closes.
# both ends: idle-race, crossed, exact, closer server.
import socket, time
from h2frames import *
l = socket.create_server(('127.0.0.1', 32107))
for _ in range(4):
    c, s = pair(l, 32107)
    c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.5)
    c.send(headers(3)); s.recv(999); s.send(goaway(1)); s.close()
    time.sleep(.2); c.close()
