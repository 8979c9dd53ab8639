#!/usr/bin/env python3
# The server writes 5 MB that the client does not read, and closes: its FIN waits. 1.5 s later the client asks again:
# the server's orphan answers with a bare RST.
# client's end: never network; server's end: own FIN first, that never left.
import socket, time
l = socket.create_server(('127.0.0.1', 32102))
for _ in range(3):
    c = socket.create_connection(('127.0.0.1', 32102)); s, _ = l.accept()
    c.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'); s.recv(999)
    s.setblocking(False)
    try:
        s.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
        while True: s.send(b'x' * 65536)
    except BlockingIOError: pass
    time.sleep(.3)
    try:
        while True: s.send(b'x' * 65536)
    except BlockingIOError: pass
    s.close(); time.sleep(1.5)
    try: c.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    except OSError as e: print(e)
    time.sleep(.2); c.close()
