#!/usr/bin/env python3
# not a case: frames for the others
import socket, struct, time
def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes((kind, flags)) + struct.pack('>I', stream) + payload
def headers(stream): return frame(1, 5, stream, b'\x82\x86\x84\x41\x01x')
def answer(stream): return frame(1, 5, stream, b'\x88')
def goaway(last, code=0, debug=b''): return frame(7, 0, 0, struct.pack('>II', last, code) + debug)
def pair(l, port):
    c = socket.create_connection(('127.0.0.1', port)); s, _ = l.accept()
    for x in (c, s): x.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.send(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0)); s.recv(999)
    s.send(frame(4, 0, 0) + frame(4, 1, 0)); c.recv(999); c.send(frame(4, 1, 0)); s.recv(999)
    return c, s
