#!/usr/bin/env python3
# The client fills its send queue with a POST that the server does not read, and closes; then the server answers 503.
# The client's orphaned socket, whose FIN waits behind unsent bytes, answers with a bare RST.
# client's end: client closed first (own FIN, or "its FIN never left"), premature-hangup, closer client.
# server's end: premature-hangup, closer client, request-body, probable; never network.
import socket, time, threading
l = socket.create_server(('127.0.0.1', 32101))
for how in ('http', 'plain') * 3:
    c = socket.create_connection(('127.0.0.1', 32101)); s, _ = l.accept()
    c.setblocking(False)
    head = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n' if how == 'http' else b'PUT-LIKE\n'
    try:
        c.send(head)
        while True: c.send(b'x' * 65536)
    except BlockingIOError: pass
    time.sleep(.3)
    try:
        while True: c.send(b'x' * 65536)
    except BlockingIOError: pass
    c.close(); time.sleep(.7 if how == 'http' else 1.5)
    try: s.send(b'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n' if how == 'http' else b'NO\n')
    except OSError as e: print(e)
    time.sleep(.2); s.close()
