#!/usr/bin/env python3
"""The server answers with more than the client has room for, and closes: its FIN waits. The client stops sending, and reads on
to the end. PORT"""
import socket, sys, threading, time
port = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", port))


def serve(end):
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
    end.recv(65536)
    end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3000000))
    end.close()


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
for _ in range(4):
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    client.shutdown(socket.SHUT_WR)
    while client.recv(65536):
        pass
    client.close()
