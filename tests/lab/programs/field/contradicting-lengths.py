#!/usr/bin/env python3
# Two Content-Lengths that differ, Content-Length beside chunks, a chunk size that is none, a space before the colon, a length
# beside a coding that is not chunked.
import socket,threading,time
P=18968
l=socket.create_server(('127.0.0.1',P),backlog=50)
R=[b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nok',b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
   b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n',
   b'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok',b'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok']
def h(c):
    while (d:=c.recv(4096)): c.sendall(R[int(d[5:6])])
    c.close()
def acc():
    while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for i in range(len(R)):
    c=socket.create_connection(('127.0.0.1',P)); c.sendall(b'GET /%d HTTP/1.1\r\nHost: a\r\n\r\n'%i); c.recv(999); time.sleep(.2); c.close()
