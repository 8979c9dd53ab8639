#!/usr/bin/env python3
"""Three pipelined requests; the server answers the first and ends the connection: the answer's body ends with it (until-close),
or `Connection: close` says so (announced). PORT until-close|announced"""
import socket, sys, threading, time
port, how = int(sys.argv[1]), sys.argv[2]
ANSWER = {"until-close": b"HTTP/1.1 200 OK\r\n\r\nhello", "announced": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"}[how]
listener = socket.create_server(("127.0.0.1", port))


def serve():
    while True:
        end = listener.accept()[0]
        end.recv(65536)
        time.sleep(0.02)
        end.sendall(ANSWER)
        time.sleep(0.01)
        end.close()


threading.Thread(target=serve, daemon=True).start()
for _ in range(4):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    while client.recv(65536):
        pass
    client.close()
    time.sleep(0.15)
