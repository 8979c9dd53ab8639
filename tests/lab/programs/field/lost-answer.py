#!/usr/bin/env python3
"""A server writes its whole answer and resets the connection while most of it is in its send queue. The client reads a part.
 lost-answer.py PORT crlf     two bytes behind the request's body were not read
 lost-answer.py PORT linger   SO_LINGER 0"""
import socket, struct, sys, time

port, kind = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", port))
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8000)
client.connect(("127.0.0.1", port))
server, _ = listener.accept()
question = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
client.sendall(question + (b"\r\n" if kind == "crlf" else b""))
time.sleep(0.05)
server.recv(len(question))
server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400000)
if kind == "linger":
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
server.close()
time.sleep(0.1)
try:
    while client.recv(65536):
        pass
except OSError:
    pass
client.close()
