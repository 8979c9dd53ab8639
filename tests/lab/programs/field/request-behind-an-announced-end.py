#!/usr/bin/env python3
# a client pipelines a second request, and the server answers the first with "Connection: close": its answer and its close
# cross the request, with a FIN, or with a reset because the request lies unread
import socket,threading,time
P=18871; R=b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'; Q=b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
l=socket.create_server(('127.0.0.1',P))
def serve(c,unread):
    c.recv(len(Q)); c.sendall(R.replace(b'Connection: close\r\n',b''))
    c.recv(len(Q))
    if unread: time.sleep(.1)                 # the second request comes before the answer to the first
    c.sendall(R); c.close()
def one(unread):
    c=socket.create_connection(('127.0.0.1',P)); threading.Thread(target=serve,args=(l.accept()[0],unread)).start()
    c.sendall(Q); c.recv(999); time.sleep(.3); c.sendall(Q)
    if unread: time.sleep(.03); c.sendall(Q)
    time.sleep(.4)
    if not unread:
        try: c.sendall(Q); c.recv(999)        # it has not looked at what the answer said
        except OSError: pass
    c.close()
for i in range(4): one(False); one(True)
