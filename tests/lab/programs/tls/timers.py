#!/usr/bin/env python3
# Idle timers of HTTP/2 servers, as they end connections one after the other: nginx and HAProxy 1 s, Node 0.8 s, whose client
# answers a GOAWAY with its own. argv: three ports
import subprocess, sys, threading, time
from tlskit import CERT, HERE, KEY, get, got, http2, listen, nginx, reachable, started, until_end, OK
ports = [int(port) for port in sys.argv[1:]]
nginx([(ports[0], "ssl http2")])
backend = listen(0)


def serve():
    while True:
        one = backend.accept()[0]
        one.recv(9999)
        one.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        one.close()


threading.Thread(target=serve, daemon=True).start()
with open(HERE + "/pem", "w") as pem:
    pem.write(open(CERT).read() + open(KEY).read())
with open(HERE + "/haproxy.cfg", "w") as text:
    text.write(f"""defaults
  mode http
  timeout client 1s
  timeout server 5s
  timeout connect 1s
  timeout http-keep-alive 1s
frontend f
  bind 127.0.0.1:{ports[1]} ssl crt {HERE}/pem alpn h2
  default_backend b
backend b
  server s 127.0.0.1:{backend.getsockname()[1]}
""")
started("haproxy", "-db", "-f", HERE + "/haproxy.cfg", stderr=subprocess.DEVNULL)
with open(HERE + "/server.js", "w") as text:
    text.write(f"""const http2 = require('http2'), fs = require('fs');
const server = http2.createSecureServer({{ cert: fs.readFileSync('{CERT}'), key: fs.readFileSync('{KEY}') }});
server.on('stream', stream => {{ stream.respond({{ ':status': 200 }}); stream.end('hello'); }});
server.on('session', session => session.setTimeout(800, () => session.close()));
server.listen({ports[2]}, '127.0.0.1');
""")
started("node", HERE + "/server.js")
with open(HERE + "/client.js", "w") as text:
    text.write("""const http2 = require('http2');
const session = http2.connect(process.argv[2], { rejectUnauthorized: false });
session.on('error', () => {});
const request = session.request({ ':path': '/' });
request.resume();
request.on('end', () => {});
""")
for port in ports[1:]:
    reachable(port)


def one_after_the_other(port):
    for turn in range(8):
        one = http2(port)
        for stream in (1, 3):
            get(one, stream)
            got(one, stream)
            time.sleep(.05 * (turn % 3))
        until_end(one)
        one.close()
        if port == ports[2]:
            subprocess.run(["node", HERE + "/client.js", f"https://127.0.0.1:{port}"], check=True)


threads = [threading.Thread(target=one_after_the_other, args=(port,)) for port in ports]
for one in threads:
    one.start()
for one in threads:
    one.join()
