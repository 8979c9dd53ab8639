#!/usr/bin/env python3
# HTTP/2: the first stream, and three at once, on a new connection; the server closes without reading.
# both ends: premature-hangup, closer server, waiting, no race; in flight 1 and 3.
import socket, time
from h2frames import *
l = socket.create_server(('127.0.0.1', 32104))
for n in (1, 3) * 3:
    c, s = pair(l, 32104)
    c.send(b''.join(headers(1 + 2 * i) for i in range(n))); time.sleep(.001); s.close()
    time.sleep(.2); c.close()
