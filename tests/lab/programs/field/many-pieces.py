#!/usr/bin/env python3
# 400 and 1000 chunks in one segment, and a head of 150 KB in 20 lines.
import socket,threading,time
P=18967
l=socket.create_server(('127.0.0.1',P),backlog=50)
chunks=lambda n: b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'+b'1\r\nx\r\n'*n+b'0\r\n\r\n'
head=b'HTTP/1.1 200 OK\r\n'+b''.join(b'X-%d: '%i+b'y'*7500+b'\r\n' for i in range(20))+b'Content-Length: 2\r\n\r\nok'
def h(c):
    while (d:=c.recv(4096)): c.sendall({b'/400':chunks(400),b'/1000':chunks(1000),b'/head':head}[d.split()[1]])
    c.close()
def acc():
    while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for p in (b'/400',b'/1000',b'/head')*2:
    c=socket.create_connection(('127.0.0.1',P)); c.sendall(b'GET '+p+b' HTTP/1.1\r\nHost: a\r\n\r\n'); c.settimeout(.3)
    try:
        while c.recv(1<<20): pass
    except TimeoutError: pass
    c.close()
