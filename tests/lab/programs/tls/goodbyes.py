#!/usr/bin/env python3
# Who says close_notify first has ended the connection; the FIN of the other side comes 0.9 s later, and only answers it.
# argv: version, port of a server on asyncio, port of a client that waits for the answer to its own goodbye
import sys, threading, time
from tlskit import GET, OK, connect, listen, on_asyncio, server, trusting, until_word
version, by_server, by_client = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
on_asyncio(by_server, server(version), .6)
connections = [connect(by_server, trusting(version)) for _ in range(4)]
for one in connections:
    one.sendall(GET)
    one.recv(999)
until_word(*connections)
time.sleep(.9)
for one in connections:
    one.close()

listener = listen(by_client)


def answer():
    for _ in range(4):
        one = server(version).wrap_socket(listener.accept()[0], server_side=True)
        while one.recv(999):
            one.sendall(OK)
        one.unwrap().close()


threading.Thread(target=answer, daemon=True).start()
for _ in range(4):
    one = connect(by_client, trusting(version))
    one.sendall(GET)
    one.recv(999)
    time.sleep(.4)
    plain = one.unwrap()
    time.sleep(.05)
    plain.close()
