#!/usr/bin/env python3
# Handshakes that fail: a client that does not know who signed the certificate, over 1.3 (its alert is encrypted) and 1.2 (it
# is not), and a server that wants another version. argv: three ports
import ssl, sys, threading
from tlskit import connect, listen, only, server, trusting, until_end
ports = [int(port) for port in sys.argv[1:]]


def serve(listener, version):
    while True:
        plain = listener.accept()[0]
        try:
            until_end(server(version).wrap_socket(plain, server_side=True))
        except OSError:
            pass
        plain.close()


for port, version in zip(ports, ("1.3", "1.2", "1.3")):
    threading.Thread(target=serve, args=(listen(port), version), daemon=True).start()
for port, context in ((ports[0], lambda: only(ssl.create_default_context(), "1.3")),
                      (ports[1], lambda: only(ssl.create_default_context(), "1.2")), (ports[2], lambda: trusting("1.2"))):
    for _ in range(4):
        try:
            connect(port, context())
        except ssl.SSLError:
            continue
        raise SystemExit("the handshake did not fail")
