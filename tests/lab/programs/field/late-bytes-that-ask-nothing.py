#!/usr/bin/env python3
"""A server answers in full and closes; the client has the answer, and sends what asks for nothing.
 late-bytes-that-ask-nothing.py PORT length|chunked|expect   the rest of the body, which was answered early
 late-bytes-that-ask-nothing.py PORT line                    an empty line (RFC 9112 section 2.2)"""
import socket, sys, time

port, kind = int(sys.argv[1]), sys.argv[2]
head = {
    "length": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello",
    "chunked": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "expect": b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 45\r\n\r\n",
    "line": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
}[kind]
rest = {"chunked": b"0\r\n\r\n", "line": b"\r\n"}.get(kind, b"x" * 45)
listener = socket.create_server(("127.0.0.1", port))
client = socket.create_connection(("127.0.0.1", port))
server, _ = listener.accept()
client.sendall(head)
time.sleep(0.05)
server.recv(999)
server.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
server.close()
time.sleep(0.05)
client.recv(99)
client.sendall(rest)
time.sleep(0.2)
client.close()
