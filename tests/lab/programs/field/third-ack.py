#!/usr/bin/env python3
# The first request rides on the handshake's last ACK (a client that has it ready); the server announces its end.
import socket,threading
P=18961
l=socket.create_server(('127.0.0.1',P),backlog=50)
def serve(c):
    c.recv(1000); c.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'); c.close()
def acc():
    while 1: threading.Thread(target=serve,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for i in range(20):
    c=socket.socket(); c.setsockopt(socket.IPPROTO_TCP,socket.TCP_QUICKACK,0); c.connect(('127.0.0.1',P))
    c.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    while c.recv(1000): pass
    c.close()
