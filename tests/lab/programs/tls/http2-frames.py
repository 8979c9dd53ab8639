#!/usr/bin/env python3
# HTTP/2 at nginx: frames that are no requests, goodbyes, a lost request and calls that are cut. argv: version, nine ports
import struct, sys, time
from tlskit import frame, get, got, http2, listen, nginx, until_end
version, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
silent = listen(0)
slow = f"location /slow {{ proxy_pass http://127.0.0.1:{silent.getsockname()[1]}; }}"
nginx([(port, "ssl http2") for port in ports], slow)


def play(port, then):
    for _ in range(3):
        one = http2(port, version)
        get(one, 1)
        got(one, 1)
        then(one)
        one.close()


def lost(one):
    until_end(one)
    time.sleep(.2)
    try:
        get(one, 3)
        time.sleep(.2)
    except OSError:
        pass


def cancelled(one):
    get(one, 3, b"/slow")
    time.sleep(.4)
    one.sendall(frame(3, 0, 3, struct.pack(">I", 8)))
    time.sleep(.3)


plays = [
    until_end,
    lambda one: (one.sendall(frame(8, 0, 0, struct.pack(">I", 2))), time.sleep(.5)),
    lambda one: (time.sleep(.4), one.sendall(frame(6, 0, 0, b"12345678")), time.sleep(.1)),
    lambda one: (time.sleep(.5), one.sendall(frame(7, 0, 0, bytes(8)))),
    lambda one: (until_end(one), one.sendall(frame(7, 0, 0, bytes(8)))),
    lost,
    lambda one: ([get(one, stream, b"/slow") for stream in (3, 5, 7)], time.sleep(.3)),
    lambda one: (time.sleep(.9), get(one, 3), got(one, 3), time.sleep(.5)),
    cancelled,
]
for port, then in zip(ports, plays):
    play(port, then)
