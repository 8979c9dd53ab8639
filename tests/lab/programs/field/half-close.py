#!/usr/bin/env python3
"""A client sends its request, stops sending and reads on to the end, as `nc -N` does.
 half-close.py PORT until-close   an answer without a length, ended by the server's FIN
 half-close.py PORT slow-reader   1.5 MB, which the client reads more slowly than the server writes and closes
 half-close.py PORT cut           5 of 50 bytes, and the server's FIN
 half-close.py PORT reset         the server resets the connection instead
 half-close.py PORT two           two requests, of which one is answered
 half-close.py PORT late          after one that is answered: it had waited for 0.4 s, and the server closes as soon as it
                                   sees that, as asyncio's do
 half-close.py PORT mid-body      the client stops in the middle of its request; the server says 400, as Node does"""
import socket, struct, sys, threading, time

port, kind = int(sys.argv[1]), sys.argv[2]
answer = {
    "until-close": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "slow-reader": b"HTTP/1.1 200 OK\r\nContent-Length: 1500000\r\n\r\n" + b"x" * 1500000,
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
    "reset": b"",
    "late": b"",
    "two": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "mid-body": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
}[kind]


def serve(listener):
    server, _ = listener.accept()
    server.recv(9999)
    if kind == "late":
        time.sleep(0.1)
        server.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
        server.close()
        server, _ = listener.accept()
        server.recv(9999)
        server.recv(9999)
    else:
        time.sleep(0.1)
    server.sendall(answer)
    if kind == "reset":
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if kind == "two":
        time.sleep(0.2)
    server.close()


listener = socket.create_server(("127.0.0.1", port))
thread = threading.Thread(target=serve, args=(listener,))
thread.start()
if kind == "late":
    with socket.create_connection(("127.0.0.1", port)) as answered:
        answered.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answered.shutdown(socket.SHUT_WR)
        while answered.recv(9999):
            pass
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 30000)
client.connect(("127.0.0.1", port))
if kind == "mid-body":
    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello")
else:
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (2 if kind == "two" else 1))
if kind == "late":
    time.sleep(0.4)
client.shutdown(socket.SHUT_WR)
try:
    while client.recv(65536):
        time.sleep(0.02)
except OSError:
    pass
client.close()
thread.join()
