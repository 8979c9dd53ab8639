#!/usr/bin/env python3
"""Two Node servers behind nginx are restarted as a rollout does it, while clients wait for answers through it.
The first takes SIGTERM as Node does by itself. The second is left by the proxy first, announces that it closes, and waits.
Says what the clients lost of each."""
import os, signal, socket, subprocess, threading, time

HARD, SOFT, PROXY = 18095, 18096, 18097
SLOW, LATE = 6, 4
SERVER = """
const http = require('http'), port = +process.argv[1], polite = process.argv[2] === 'polite';
let draining = false;
const server = http.createServer((request, response) => {
    if (draining) response.setHeader('Connection', 'close');
    setTimeout(() => response.end('ok'), request.url.endsWith('slow') ? 2000 : 0);
}).listen(port, '127.0.0.1');
if (polite) process.on('SIGTERM', () => { draining = true; setTimeout(() => server.close(() => process.exit(0)), 1000); });
"""
CONFIG = """
daemon off; pid nginx.pid; error_log nginx.log; worker_processes 1;
events {}
http {
    access_log off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
    upstream hard { server 127.0.0.1:%d max_fails=0; keepalive 16; }
    upstream soft { server 127.0.0.1:%d max_fails=0; keepalive 16; }
    server {
        listen 127.0.0.1:%d;
        location /hard { proxy_pass http://hard; }
        location /soft { proxy_pass http://soft; }
    }
}
"""


def until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.02)
    raise SystemExit("it did not come to that")


def taken(port):
    """Connections that the server has accepted, and read."""
    said = subprocess.run(["ss", "-Htnp", "state", "established", f"sport = :{port}"], capture_output=True, text=True, check=True)
    return sum("users:" in line and line.split()[0] == "0" for line in said.stdout.splitlines())


def listens(port):
    return bool(subprocess.run(["ss", "-Htln", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout)


def ask(path):
    """The status of the answer."""
    with socket.create_connection(("127.0.0.1", PROXY)) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
        answer = b""
        while part := client.recv(4096):
            answer += part
    return int(answer.split()[1])


def restart(server, port, path, late):
    """Six requests are under way when it is told to stop, and `late` come when it does not listen any more."""
    statuses = []
    askers = [threading.Thread(target=lambda: statuses.append(ask(f"{path}/slow"))) for _ in range(SLOW)]
    [asker.start() for asker in askers]
    until(lambda: taken(port) == SLOW)
    server.send_signal(signal.SIGTERM)
    [asker.join() for asker in askers]
    until(lambda: not listens(port))
    # What is refused is counted from a moment after the listener's end.
    time.sleep(0.5)
    statuses += [ask(path) for _ in range(late)]
    server.wait()
    print(path, "lost", sum(status != 200 for status in statuses), "of", len(statuses), flush=True)


os.mkdir("tmp")
open("nginx.conf", "w").write(CONFIG % (HARD, SOFT, PROXY))
start = lambda *command: subprocess.Popen(command)
hard, soft = start("node", "-e", SERVER, str(HARD)), start("node", "-e", SERVER, str(SOFT), "polite")
nginx = start("nginx", "-p", os.getcwd(), "-c", "nginx.conf")
try:
    until(lambda: all(map(listens, (HARD, SOFT, PROXY))))
    restart(hard, HARD, "/hard", LATE)
    restart(soft, SOFT, "/soft", 0)
finally:
    for one in (hard, soft, nginx):
        one.terminate()
        one.wait()
