#!/usr/bin/env python3
# A server that sends one session ticket, which comes while the first request is under way: a first request that it never answers,
# and one that it does. argv: two ports
import sys, threading, time
from tlskit import GET, OK, connect, listen, server, trusting, until_end
silent, answering = [int(port) for port in sys.argv[1:]]


def serve(port, answer):
    context = server("1.3")
    context.num_tickets = 1
    listener = listen(port)

    def one(plain):
        connection = context.wrap_socket(plain, server_side=True)
        connection.recv(999)
        if answer:
            connection.sendall(answer)
        until_end(connection)
        connection.close()

    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


serve(silent, b"")
serve(answering, OK)
for _ in range(4):
    for port in (silent, answering):
        one = connect(port, trusting("1.3"))
        one.sendall(GET)
        if port == answering:
            one.recv(999)
        time.sleep(.5)
        one.close()
