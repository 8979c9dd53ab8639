#!/usr/bin/env python3
# A connection that was upgraded, with messages both ways, ends. argv: port
import sys, threading, time
from tlskit import connect, listen, server, trusting
port = int(sys.argv[1])
listener = listen(port)


def serve():
    while True:
        one = server().wrap_socket(listener.accept()[0], server_side=True)
        one.recv(999)
        one.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while message := one.recv(999):
            one.sendall(b"\x81\x05hello" + message[:0])
        one.close()


threading.Thread(target=serve, daemon=True).start()
for _ in range(4):
    one = connect(port, trusting())
    one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n")
    one.recv(999)
    for _ in range(3):
        one.sendall(b"\x81\x85\0\0\0\0hello")
        one.recv(999)
        time.sleep(.1)
    time.sleep(.4)
    one.close()
