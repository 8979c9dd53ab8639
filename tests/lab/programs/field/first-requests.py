#!/usr/bin/env python3
# Requests on new connections, one or two at once, that the server (or the client) leaves at once: nothing had been answered.
import socket,threading,time
P=18963; Q=b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
l=socket.create_server(('127.0.0.1',P),backlog=50); keep=[]
def acc():
    while 1: keep.append(l.accept()[0])
threading.Thread(target=acc,daemon=True).start()
def fresh():
    n=len(keep); c=socket.create_connection(('127.0.0.1',P))
    while len(keep)==n: time.sleep(.001)
    return c,keep[-1]
for i in range(2):
    c,s=fresh(); c.sendall(Q); time.sleep(.002); s.close(); c.close(); time.sleep(.1)
    c,s=fresh(); c.sendall(Q*2); time.sleep(.002); s.close(); c.close(); time.sleep(.1)
    c,s=fresh(); c.sendall(Q*2); time.sleep(.05); c.close(); time.sleep(.1); s.close()
