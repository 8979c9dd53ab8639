#!/usr/bin/env python3
# The server writes more than the client reads, and closes: its FIN waits. The client closes with that unread: a reset.
import socket,threading,time
P=18965
l=socket.create_server(('127.0.0.1',P),backlog=50)
def h(c):
    c.recv(10); c.setblocking(False)
    try:
        while 1: c.send(b'x'*65536)
    except BlockingIOError: pass
    c.close()
def acc():
    while 1: threading.Thread(target=h,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
for i in range(4):
    c=socket.create_connection(('127.0.0.1',P)); c.sendall(b'\x01\x02'); time.sleep(.5); c.close(); time.sleep(.1)
