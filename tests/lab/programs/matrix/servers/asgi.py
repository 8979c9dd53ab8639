# An ASGI application for uvicorn and hypercorn. Targets: see README.md.
import asyncio


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        size += len(message["body"])
        more = message["more_body"]
    what, _, ms = scope["path"].strip("/").partition("/")

    async def say(body, *headers):
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": body})

    if what == "wait":
        await asyncio.sleep(int(ms) / 1000)
        await say(b"hi")
    elif what == "drip":
        length = (b"content-length", b"1000")
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"x" * 500, "more_body": True})
        await asyncio.sleep(int(ms) / 1000)
        await send({"type": "http.response.body", "body": b"x" * 500})
    elif what == "read":
        await say(str(size).encode())
    elif what == "last":
        await say(b"hi", (b"connection", b"close"))
    else:
        await say(b"hi")
