#!/usr/bin/env python3
# A request 0.3 s after the server's close_notify, whose FIN has yet to come (asyncio waits for the answer): it is lost to an
# idle close. argv: port
import sys, time
from tlskit import GET, connect, on_asyncio, server, trusting, until_end
port = int(sys.argv[1])
on_asyncio(port, server(), .5)
for _ in range(4):
    one = connect(port, trusting())
    one.sendall(GET)
    one.recv(999)
    time.sleep(.8)
    try:
        one.sendall(GET)
        one.settimeout(1)
        until_end(one)
    except OSError:
        pass
    one.close()
