#!/usr/bin/env python3
# HTTP/2: the client's GOAWAY ends an idle connection (Node's client); the server's FIN, which answers it, is the first.
# both ends: client-idle, exact, closer client, idle 0.5 s.
import socket, sys, time
from h2frames import *
port = int(sys.argv[1])
l = socket.create_server(('127.0.0.1', port))
for _ in range(4):
    c, s = pair(l, port)
    c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.5)
    c.send(goaway(0)); s.recv(999); time.sleep(.02); s.close()
    time.sleep(.05); c.close(); time.sleep(.1)
