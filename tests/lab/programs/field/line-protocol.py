#!/usr/bin/env python3
"""A protocol of lines whose commands are called as HTTP's methods are: five healthy connections, closed by the client when idle.
 line-protocol.py PORT COMMAND"""
import socket, sys, time

port, command = int(sys.argv[1]), sys.argv[2].encode() + b"\r\n"
listener = socket.create_server(("127.0.0.1", port))
pairs = []
for _ in range(5):
    client = socket.create_connection(("127.0.0.1", port))
    pairs.append((client, listener.accept()[0]))
for _ in range(2):
    for client, server in pairs:
        client.sendall(command)
        server.recv(99)
        server.sendall(b"$5\r\nhello\r\n")
        client.recv(99)
    time.sleep(0.3)
for client, server in pairs:
    client.close()
    server.recv(9)
    server.close()
