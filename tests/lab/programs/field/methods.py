#!/usr/bin/env python3
# Methods that no list has: two requests are answered, the third is not.
import socket,threading,time
P=18964
l=socket.create_server(('127.0.0.1',P),backlog=50)
def h(c):
    for _ in range(2): c.recv(4096); c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    c.recv(4096); time.sleep(.1); c.close()
def acc():
    while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for m in (b'NOTIFY',b'MERGE',b'M-SEARCH',b'SUBSCRIBE',b'MKCALENDAR',b'X'):
    c=socket.create_connection(('127.0.0.1',P))
    for i in range(3): c.sendall(m+b' /a HTTP/1.1\r\nHost: a\r\n\r\n'); d=c.recv(99); time.sleep(.02)
    c.close()
