#!/usr/bin/env python3
# HTTP/2: an idle connection ends with GOAWAY and FIN: max_age; max_idle; graceful_stop; ENHANCE_YOUR_CALM too_many_pings.
# both ends: server-idle, cause max-age, keepalive-timer, shutdown, h2-goaway, with the words in the evidence.
# then the same with a stream open: premature-hangup; cause max-age, keepalive-timer, shutdown, h2-goaway.
import socket, time
from h2frames import *
l = socket.create_server(('127.0.0.1', 32106))
for open_stream in (0, 1):
    for code, words in ((0, b'max_age'), (0, b'max_idle'), (0, b'graceful_stop'), (11, b'too_many_pings')):
        c, s = pair(l, 32106)
        c.send(headers(1)); s.recv(999); s.send(answer(1)); c.recv(999); time.sleep(.3 + .1 * len(words) / 7)
        if open_stream: c.send(headers(3)); s.recv(999); time.sleep(.1)
        s.send(goaway(3 if open_stream else 1, code, words)); s.close()
        time.sleep(.1); c.recv(999); c.close()
