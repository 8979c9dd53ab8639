#!/usr/bin/env python3
# HTTP/2 servers that end idle connections with a GOAWAY that has words (Apache, h2o), with and without a close_notify behind it.
# argv: two ports
import socket, ssl, struct, sys, threading, time
from tlskit import frame, get, got, http2, listen, server, until_end


def serve(port, words, with_alert):
    context, listener = server("1.3", ["h2"]), listen(port)

    def one(plain):
        connection = context.wrap_socket(plain, server_side=True)
        connection.sendall(frame(4, 0, 0, struct.pack(">HI", 3, 100)))
        connection.recv(999)
        connection.sendall(frame(4, 1, 0))
        answered, held = 0, b""
        connection.settimeout(20)
        while answered < 2:
            held += connection.recv(999)
            while len(held) >= 9 and len(held) >= 9 + int.from_bytes(held[:3], "big"):
                if held[3] == 1:
                    answered += 1
                    stream = int.from_bytes(held[5:9], "big")
                    block = b"\x88\x0f\x0d\x05hello" + b"\x0f\x12" + b"\x1dMon, 30 Nov 2026 21:00:00 GMT"
                    connection.sendall(frame(1, 4, stream, block) + frame(0, 1, stream, b"hello"))
                held = held[9 + int.from_bytes(held[:3], "big"):]
        time.sleep(.7)
        connection.sendall(frame(7, 0, 0, struct.pack(">II", 3, 0) + words))
        if with_alert:
            connection.settimeout(0)
            try:
                connection.unwrap()
            except ssl.SSLError:
                pass
        connection.shutdown(socket.SHUT_WR) if not with_alert else connection.close()

    def accept():
        while True:
            threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


ports = [int(port) for port in sys.argv[1:]]
serve(ports[0], b"timeout", True)
serve(ports[1], b"the connection was idle for too long..", False)
for _ in range(4):
    for port in ports:
        one = http2(port, "1.3")
        for stream in (1, 3):
            get(one, stream)
            got(one, stream)
        until_end(one)
        one.close()
