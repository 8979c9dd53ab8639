#!/usr/bin/env python3
"""A client that only sends (syslog over TCP): five lines, a pause, and its close, or the server's. The server never sends a byte.
PORT client|server"""
import socket, sys, threading, time
port, closer = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", port))


def take(end):
    end.settimeout(0.5 if closer == "server" else 30)
    try:
        while end.recv(4096):
            pass
    except TimeoutError:
        pass
    end.close()


def send():
    client = socket.create_connection(("127.0.0.1", port))
    for _ in range(5):
        client.sendall(b"<13>1 - host app - - hello\n")
        time.sleep(0.2)
    if closer == "client":
        time.sleep(0.5)
    else:
        client.recv(1)
    client.close()


def serve():
    while True:
        threading.Thread(target=take, args=(listener.accept()[0],)).start()


threading.Thread(target=serve, daemon=True).start()
senders = [threading.Thread(target=send) for _ in range(4)]
[one.start() for one in senders]
[one.join() for one in senders]
time.sleep(0.2)
