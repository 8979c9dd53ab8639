#!/usr/bin/env python3
# A request 0.9 s after the server's close_notify, whose FIN has yet to come (asyncio waits for the answer): it is lost to an
# idle close. argv: port
import sys, time
from tlskit import GET, connect, on_asyncio, server, trusting, until_end, until_word
port = int(sys.argv[1])
on_asyncio(port, server(), .5)
connections = [connect(port, trusting()) for _ in range(4)]
for one in connections:
    one.sendall(GET)
    one.recv(999)
until_word(*connections)
time.sleep(.9)
for one in connections:
    try:
        one.sendall(GET)
        one.settimeout(1)
        until_end(one)
    except OSError:
        pass
    one.close()
