#!/usr/bin/env python3
# a server that gives up on connections that never asked says so: 408, or 500
import socket,time
P=18872
l=socket.create_server(('127.0.0.1',P))
for status in (b'408 Request Timeout',b'500 Internal Server Error')*3:
    c=socket.create_connection(('127.0.0.1',P)); s=l.accept()[0]; time.sleep(1)
    s.sendall(b'HTTP/1.1 '+status+b'\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'); s.close()
    c.recv(999); c.recv(999); c.close()
