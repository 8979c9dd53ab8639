#!/usr/bin/env python3
# pip: websockets. argv: how it ends, the server's port. Eight WebSockets; client and server are both websockets' own, except
# where a raw client leaves pings unanswered.
import asyncio, base64, os, signal, sys
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

HOW, PORT = sys.argv[1], int(sys.argv[2])
COUNT = 8
URL = f"ws://127.0.0.1:{PORT}/"
QUIET = dict(ping_interval=None)


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def talk(socket):
    for text in ("one", "two"):
        await socket.send(text)
        assert await socket.recv() == text


async def raw_client():
    """Says that it is a WebSocket's client, and answers nothing; until the server ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(f"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    while await reader.read(4096):
        pass
    writer.close()


async def client_says(code, reason):
    async with serve(echo, "127.0.0.1", PORT, **QUIET):
        for _ in range(COUNT):
            socket = await connect(URL, **QUIET)
            await talk(socket)
            await asyncio.sleep(0.3)
            await socket.close(code, reason)
            await socket.wait_closed()


async def server_says(code, reason):
    async def handler(socket):
        for _ in range(2):
            await socket.send(await socket.recv())
        await asyncio.sleep(0.3)
        await socket.close(code, reason)

    async with serve(handler, "127.0.0.1", PORT, **QUIET):
        for _ in range(COUNT):
            socket = await connect(URL, **QUIET)
            await talk(socket)
            await socket.wait_closed()


async def handler_fails():
    async def handler(socket):
        await socket.recv()
        raise RuntimeError("a bug of the application's")

    async with serve(handler, "127.0.0.1", PORT, **QUIET):
        for _ in range(COUNT):
            socket = await connect(URL, **QUIET)
            await socket.send("one")
            await socket.wait_closed()


async def server_stops():
    server = await serve(echo, "127.0.0.1", PORT, **QUIET)
    sockets = [await connect(URL, **QUIET) for _ in range(COUNT)]
    await asyncio.gather(*map(talk, sockets))
    await asyncio.sleep(0.3)
    server.close()
    await server.wait_closed()
    await asyncio.gather(*(socket.wait_closed() for socket in sockets))


async def pings_are_not_answered():
    async with serve(echo, "127.0.0.1", PORT, ping_interval=0.5, ping_timeout=0.7, close_timeout=0.2):
        await asyncio.gather(*(raw_client() for _ in range(COUNT)))


def in_a_process(main):
    """Its id; it ends by a signal."""
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(main())
        finally:
            os._exit(0)
    return pid


async def serves(handler):
    async with serve(handler, "127.0.0.1", PORT, max_size=None, **QUIET):
        await asyncio.Future()


async def connected():
    for _ in range(200):
        try:
            return await connect(URL, max_size=None, **QUIET)
        except OSError:
            await asyncio.sleep(0.05)
    raise SystemExit("nobody listens")


async def server_is_killed(in_a_message):
    async def streams(socket):
        await socket.recv()
        if not in_a_message:
            await socket.send("one")
            return await socket.wait_closed()
        # Fragments of a message that never ends.
        async def pieces():
            while True:
                yield "x" * 1000
                await asyncio.sleep(0.05)
        await socket.send(pieces())

    pid = in_a_process(lambda: serves(streams))
    sockets = [await connected() for _ in range(COUNT)]
    for socket in sockets:
        await socket.send("one")
    await asyncio.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    await asyncio.gather(*(socket.wait_closed() for socket in sockets))


ends = {
    "client_normal": lambda: client_says(1000, "done"),
    "client_leaves": lambda: client_says(1001, ""),
    "client_own_code": lambda: client_says(4001, "logged out"),
    "server_normal": lambda: server_says(1000, ""),
    "server_busy": lambda: server_says(1013, "overloaded"),
    "server_idle": lambda: server_says(1000, "idle timeout"),
    "handler_fails": handler_fails,
    "server_stops": server_stops,
    "ping_timeout": pings_are_not_answered,
    "killed": lambda: server_is_killed(False),
    "killed_in_a_message": lambda: server_is_killed(True),
}
asyncio.run(ends[HOW]())
