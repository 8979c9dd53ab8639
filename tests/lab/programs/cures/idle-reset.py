#!/usr/bin/env python3
# a server that ends idle connections with a reset after 1 s (SO_LINGER 0, as stunnel does)
from advice import *
P=18814; limit=value('server') or '1 s'
server="""
import socket,struct,threading
def h(c):
    c.settimeout(%d)
    try:
        while c.recv(4096): c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    except OSError: c.setsockopt(socket.SOL_SOCKET,socket.SO_LINGER,struct.pack('ii',1,0))
    c.close()
l=socket.create_server(('127.0.0.1',%d))
while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()"""%(seconds(limit),P)
with Running('python3','-c',server): listening(P); use(('127.0.0.1',P),[.5,1.4,.5,1.6,1.5,.4,1.8])
