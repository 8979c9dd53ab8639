#!/usr/bin/env python3
# the answer that says "Connection: close" is itself cut short, or is a 408 in the middle of its request; an exchange before it
# went well
import socket,time
P=18873; Q=b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'; OK=b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
CUT=b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nabc'
LATE=b'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
PART=b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\nabc'
l=socket.create_server(('127.0.0.1',P))
for ask,answer in ((Q,CUT),(PART,LATE))*4:
    c=socket.create_connection(('127.0.0.1',P)); s=l.accept()[0]
    c.sendall(Q); s.recv(999); s.sendall(OK); c.recv(999); time.sleep(.2)
    c.sendall(ask); s.recv(999); time.sleep(.2); s.sendall(answer); time.sleep(.1); s.close()
    while c.recv(999): pass
    c.close()
