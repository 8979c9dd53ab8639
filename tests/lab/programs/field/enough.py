#!/usr/bin/env python3
"""A load generator whose time is up closes its connections in the midst of their next requests, as ab does.  enough.py PORT"""
import socket, sys, threading, time

PORT = int(sys.argv[1])
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serve(listener):
    for _ in range(4):
        server, _ = listener.accept()
        for _ in range(3):
            server.recv(9999)
            server.sendall(ANSWER)
        server.recv(9999)
        time.sleep(0.05)
        server.close()


listener = socket.create_server(("127.0.0.1", PORT))
thread = threading.Thread(target=serve, args=(listener,))
thread.start()
for _ in range(4):
    client = socket.create_connection(("127.0.0.1", PORT))
    for _ in range(3):
        client.sendall(REQUEST)
        client.recv(9999)
    client.sendall(REQUEST)
    client.close()
thread.join()
