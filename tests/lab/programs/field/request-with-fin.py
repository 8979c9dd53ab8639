#!/usr/bin/env python3
# The request and the client's own FIN leave in one segment; the server answers, and the client reads the answer.
import socket,threading,time
P=18966
l=socket.create_server(('127.0.0.1',P),backlog=50)
def h(c):
    while c.recv(4096): pass
    c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); c.close()
def acc():
    while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for i in range(4):
    c=socket.create_connection(('127.0.0.1',P)); c.send(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',socket.MSG_MORE); c.shutdown(socket.SHUT_WR)
    while c.recv(999): pass
    c.close(); time.sleep(.05)
