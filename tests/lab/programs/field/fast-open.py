#!/usr/bin/env python3
# The first request rides on the SYN (TCP Fast Open); each response is cut short. The first connection gets the cookie.
import socket,threading,time
P=18962; O='/proc/sys/net/ipv4/tcp_fastopen'
old=open(O).read(); open(O,'w').write('3')
l=socket.socket(); l.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); l.bind(('127.0.0.1',P)); l.setsockopt(socket.IPPROTO_TCP,socket.TCP_FASTOPEN,16); l.listen(50)
def serve(c):
    c.recv(1000); c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789'); time.sleep(.1); c.close()
def acc():
    while 1: threading.Thread(target=serve,args=(l.accept()[0],),daemon=True).start()
threading.Thread(target=acc,daemon=True).start()
try:
    for i in range(10):
        c=socket.socket(); c.sendto(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n',socket.MSG_FASTOPEN,('127.0.0.1',P))
        while c.recv(1000): pass
        c.close()
finally: open(O,'w').write(old)
