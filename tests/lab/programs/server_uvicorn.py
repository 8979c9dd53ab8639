# python server_uvicorn.py HOST PORT HASTY
import asyncio
import sys

import uvicorn

host, port, hasty = sys.argv[1:]


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["type"] != "http":
        return

    async def start(status, *headers):
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(data, more=False):
        await send({"type": "http.response.body", "body": data, "more_body": more})

    path = scope["path"]
    if path != "/early":
        while (await receive()).get("more_body"):
            pass
    if path == "/sleep":
        await asyncio.sleep(60)
    elif path == "/slow":
        await start(200, (b"content-length", b"100000"))
        await body(b"x" * 1000, more=True)
        await asyncio.sleep(60)
    elif path == "/slow-chunked":
        await start(200)
        await body(b"hello", more=True)
        await asyncio.sleep(60)
    elif path == "/chunked":
        await start(200)
        await body(b"one", more=True)
        await body(b"two")
    elif path == "/large":
        await start(200, (b"content-length", b"100000000"))
        for _ in range(1000):
            await body(bytes(100_000), more=True)
        await body(b"")
    elif path == "/empty":
        await start(204)
        await body(b"")
    elif path == "/unchanged":
        await start(304)
        await body(b"")
    else:
        await start(200, (b"content-length", b"2"))
        await body(b"hi")


uvicorn.run(app, host=host, port=int(port), log_level="warning", lifespan="off",
            timeout_keep_alive=1 if hasty == "1" else 60)
