#!/usr/bin/env python3
"""Connections that live for milliseconds, with one to three requests, and end with an announced answer, or with a 413 in mid-request:
no age is their limit. And a body that stalls, which is answered by 408 in mid-request. PORT early|stalled"""
import socket, sys, threading, time
port, how = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", port))
OK, CLOSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
LARGE, STALLED = (b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status for status in (b"413 Content Too Large", b"408 Request Timeout"))


def serve():
    while True:
        end = listener.accept()[0]
        asked = end.recv(65536)
        if how == "stalled":
            time.sleep(0.3)
            end.sendall(STALLED)
        else:
            end.sendall(LARGE if b"POST" in asked else OK * (asked.count(b"GET") - 1) + CLOSE)
        end.close()


threading.Thread(target=serve, daemon=True).start()
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc"
for asked in [POST] * 3 if how == "stalled" else (GET, POST, GET * 3, GET * 2) * 3:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(asked)
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    client.close()
    time.sleep(0.15)
