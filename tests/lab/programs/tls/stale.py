#!/usr/bin/env python3
# The server's timer ends the connection with a FIN alone; a request is written 0.2 s later, and a reset answers it while the
# call that writes it is still under way. argv: version, port
import sys, threading, time
from tlskit import GET, OK, connect, listen, server, trusting, until_word
version, port = sys.argv[1], int(sys.argv[2])
listener = listen(port)


def serve():
    for _ in range(6):
        one = server(version).wrap_socket(listener.accept()[0], server_side=True)
        one.settimeout(.5)
        try:
            while one.recv(4096):
                one.sendall(OK)
        except TimeoutError:
            pass
        one.close()


threading.Thread(target=serve, daemon=True).start()
for _ in range(6):
    one = connect(port, trusting(version))
    one.sendall(GET)
    one.recv(4096)
    until_word(one)
    time.sleep(.2)
    try:
        one.sendall(GET)
        time.sleep(.1)
        one.recv(4096)
    except OSError:
        pass
    one.close()
