#!/usr/bin/env bash
# Real servers and clients over HTTP/1: uvicorn's timer of 1 s (asyncio's close_notify, and a FIN that waits for the client), and
# clients that end idle connections themselves. argv: two ports
set -eu
W=$(mktemp -d) A=$1 B=$2 U= N=
trap 'kill $U $N 2>/dev/null; wait; rm -rf "$W"' EXIT
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$W/key" -out "$W/cert" 2>/dev/null
cat > "$W/app.py" <<'P'
async def app(scope, receive, send):
    if scope["type"] != "http": return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})
P
(cd "$W" && exec python3 -m uvicorn --app-dir "$W" --host 127.0.0.1 --port "$A" --timeout-keep-alive 1 --log-level critical \
    --ssl-keyfile "$W/key" --ssl-certfile "$W/cert" app:app) & U=$!
cat > "$W/server.js" <<P
const https = require('https'), fs = require('fs');
const server = https.createServer({ cert: fs.readFileSync('$W/cert'), key: fs.readFileSync('$W/key') }, (q, r) => r.end('hello'));
server.keepAliveTimeout = 60000; server.listen($B, '127.0.0.1');
P
node "$W/server.js" & N=$!
for port in "$A" "$B"; do
    for _ in $(seq 400); do curl -sko /dev/null "https://127.0.0.1:$port/" -H 'Connection: close' && break; sleep .05; done
done
W=$W A=$A B=$B python3 - <<'P'
import os, select, socket, time, warnings, requests
warnings.simplefilter("ignore")
a, b = (f"https://127.0.0.1:{os.environ[name]}/" for name in "AB")
pools = [requests.Session() for _ in range(4)]
for pool in pools: pool.verify = pool.trust_env = False; pool.get(a)
def of_uvicorn(fd):
    try:
        with socket.socket(fileno=os.dup(fd)) as one: return one.getpeername()[1] == int(os.environ["A"])
    except OSError: return False
for fd in filter(of_uvicorn, map(int, os.listdir("/proc/self/fd"))):
    assert select.select([fd], [], [], 20)[0]  # uvicorn has said goodbye
time.sleep(.9)
for pool in pools: pool.close()
for _ in range(4):
    with requests.Session() as pool:
        pool.verify = pool.trust_env = False
        pool.get(b); time.sleep(.5)
P
