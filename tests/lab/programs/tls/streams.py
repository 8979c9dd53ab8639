#!/usr/bin/env python3
# A client that leaves a stream after its sixth event; a download of full records that the server cuts short; a body of two
# bytes in a record of its own, and an idle connection behind it. argv: three ports
import socket, sys, threading, time
from tlskit import GET, connect, listen, server, together, trusting, until_end
events, cut, brief = [int(port) for port in sys.argv[1:]]


def serve(port, handle):
    listener = listen(port)

    def one():
        while True:
            plain = listener.accept()[0]
            threading.Thread(target=handle, args=(server().wrap_socket(plain, server_side=True),), daemon=True).start()
    threading.Thread(target=one, daemon=True).start()


def stream(one):
    one.recv(999)
    try:
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            one.sendall(b"d\r\ndata: hello\n\n\r\n")
            time.sleep(.1)
    except OSError:
        one.close()


def truncated(one):
    one.recv(999)
    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    one.sendall(bytes(3 << 14))
    time.sleep(.3)
    one.shutdown(socket.SHUT_RDWR)
    one.close()


def two_bytes(one):
    while one.recv(999):
        together(one, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok")
    one.close()


serve(events, stream)
serve(cut, truncated)
serve(brief, two_bytes)
for _ in range(4):
    one = connect(events, trusting())
    one.sendall(GET)
    read = b""
    while read.count(b"hello") < 6:
        read += one.recv(999)
    one.close()
    one = connect(cut, trusting())
    one.sendall(GET)
    until_end(one)
    one.close()
    one = connect(brief, trusting())
    one.sendall(GET)
    read = b""
    while not read.endswith(b"ok"):
        read += one.recv(999)
    time.sleep(.7)
    one.close()
