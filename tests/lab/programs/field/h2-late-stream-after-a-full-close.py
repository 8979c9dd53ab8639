#!/usr/bin/env python3
# HTTP/2: GOAWAY and FIN together by close(); then, 10 ms or 1 s later, the client sends: 4 new streams, 4 frames in answer
# (SETTINGS ack, WINDOW_UPDATE, PING ack, GOAWAY).
# client's end: idle-race stale for the 4 streams, server-idle for the others.
# server's end: idle-race for those too where its bytes were seen (before the FIN was acknowledged); else server-idle.
import socket, time
from h2frames import *
l = socket.create_server(('127.0.0.1', 32105))
for late in (.01, 1):
    for what in (headers(3), headers(3), frame(4, 1, 0), frame(8, 0, 0, b'\0\0\1\0'), frame(6, 1, 0, b'12345678'), goaway(0)):
        c, s = pair(l, 32105)
        c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.5)
        s.send(goaway(1)); s.close(); time.sleep(late)
        try: c.send(what)
        except OSError as e: print(e)
        time.sleep(.2); c.close()
