#!/usr/bin/env python3
# pip: websockets; nginx, tinyproxy. argv: which proxy, its port (the server's is the next). Eight connections through it that
# nobody says anything on, each begun at another moment: the proxy's idle timer of 1.5 s (nginx) or 2 s (tinyproxy) ends them.
import asyncio, os, sys
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from servers import directory, process

WHAT, PORT = sys.argv[1], int(sys.argv[2])
COUNT = 8
QUIET = dict(ping_interval=None)

NGINX = """pid {home}/pid; error_log {home}/log; daemon off; events {{}}
http {{ access_log off; client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{server}; proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 1500ms; }} }} }}
"""
TINYPROXY = "Port {port}\nListen 127.0.0.1\nTimeout 2\nMaxClients 50\nLogFile \"{home}/log\"\nLogLevel Critical\nAllow 127.0.0.1\n"


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def through_nginx(number):
    await asyncio.sleep(number * 0.13)
    socket = await connect(f"ws://127.0.0.1:{PORT}/", **QUIET)
    for _ in range(1 + number % 3):
        await socket.send("one")
        await socket.recv()
        await asyncio.sleep(0.4)
    await socket.wait_closed()


async def through_tinyproxy(number):
    await asyncio.sleep(number * 0.23)
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"CONNECT 127.0.0.1:{PORT + 1} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    for _ in range(1 + number % 3):
        writer.write(b"hello")
        await reader.readexactly(5)
        await asyncio.sleep(0.4)
    while await reader.read(4096):
        pass
    writer.close()


async def answers(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


async def nginx(home):
    path = f"{home}/nginx.conf"
    open(path, "w").write(NGINX.format(home=home, port=PORT, server=PORT + 1))
    async with serve(echo, "127.0.0.1", PORT + 1, **QUIET):
        with process("nginx", "-c", path, "-e", f"{home}/log", port=PORT):
            await asyncio.gather(*map(through_nginx, range(COUNT)))


async def tinyproxy(home):
    path = f"{home}/tinyproxy.conf"
    open(path, "w").write(TINYPROXY.format(home=home, port=PORT))
    async with await asyncio.start_server(answers, "127.0.0.1", PORT + 1):
        with process("tinyproxy", "-d", "-c", path, port=PORT):
            await asyncio.gather(*map(through_tinyproxy, range(COUNT)))


with directory() as home:
    os.chmod(home, 0o777)
    asyncio.run({"nginx": nginx, "tinyproxy": tinyproxy}[WHAT](home))
