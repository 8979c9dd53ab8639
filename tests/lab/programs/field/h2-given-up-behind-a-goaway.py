#!/usr/bin/env python3
# HTTP/2, as gRPC does at a connection's greatest age with a grace: GOAWAY, later trailers and RST_STREAM for the stream that is still
# open; the client closes at that, before the server's FIN. Or GOAWAY with an error code, and nothing for the stream.
# both ends: premature-hangup, in flight 1; the request is lost to the server. PORT trailers|cancel
import socket, sys, time
from h2frames import *
port, how = int(sys.argv[1]), sys.argv[2]
l = socket.create_server(('127.0.0.1', port))
for _ in range(4):
    c, s = pair(l, port)
    c.send(frame(1, 4, 1, b'\x83\x86\x84\x41\x01x') + frame(0, 1, 1, b'ask')); s.recv(999)
    s.send(frame(1, 4, 1, b'\x88')); c.recv(999); time.sleep(.2)
    if how == 'cancel':
        s.send(goaway(1, 8)); c.recv(999)
    else:
        s.send(frame(0, 0, 1, b'part') + goaway(1, 0, b'max_age')); c.recv(999); time.sleep(.3)
        s.send(frame(1, 5, 1, b'\x00\x0bgrpc-status\x0214') + frame(3, 0, 1, bytes(4))); c.recv(999)
    time.sleep(.005); c.close(); time.sleep(.02); s.close(); time.sleep(.2)
