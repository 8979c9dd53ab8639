#!/usr/bin/env python3
"""As busybox's httpd answers POST: a 501 without a length, ended by the server's FIN, before all of the body has come.
 early-answer-until-close.py PORT"""
import socket, sys, time

port = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", port))
client = socket.create_connection(("127.0.0.1", port))
server, _ = listener.accept()
client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhello")
time.sleep(0.05)
server.recv(999)
server.sendall(b"HTTP/1.1 501 No\r\nConnection: close\r\n\r\nno")
server.close()
time.sleep(0.05)
while client.recv(99):
    pass
client.close()
