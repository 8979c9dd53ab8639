#!/usr/bin/env python3
"""The server ends an idle connection with a 408 and its FIN (HAProxy, cheroot); the next request is on its way then. PORT"""
import socket, sys, time
port = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", port))
ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
for _ in range(4):
    client = socket.create_connection(("127.0.0.1", port))
    end = listener.accept()[0]
    for one in (client, end):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.sendall(ASK)
    end.recv(65536)
    end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    client.recv(65536)
    time.sleep(0.5)
    end.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    client.sendall(ASK)
    end.recv(65536)
    end.close()
    time.sleep(0.2)
    client.close()
