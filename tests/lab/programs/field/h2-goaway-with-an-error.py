#!/usr/bin/env python3
# HTTP/2: the server's GOAWAY ends an idle connection with an error code, as gRPC's C core does at its limit of idle time
# (INTERNAL_ERROR, "connection idle"); the client's FIN only answers it.
# both ends: server-idle, exact, closer server, idle 0.5 s.
import socket, sys, time
from h2frames import *
port = int(sys.argv[1])
l = socket.create_server(('127.0.0.1', port))
for _ in range(4):
    c, s = pair(l, port)
    c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.5)
    s.send(goaway(1, 2, b'connection idle')); c.recv(999); time.sleep(.01)
    c.send(goaway(0)); c.close(); time.sleep(.05); s.close()
    time.sleep(.1)
