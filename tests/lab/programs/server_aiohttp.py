# python server_aiohttp.py HOST PORT HASTY
import asyncio
import sys

from aiohttp import web

host, port, hasty = sys.argv[1:]


async def handle(request):
    path = request.path
    if path == "/early":
        return web.Response(text="early")
    if path == "/upgrade":
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket
    await request.read()
    if path == "/sleep":
        await asyncio.sleep(60)
    if path in ("/slow", "/slow-chunked", "/chunked", "/large"):
        response = web.StreamResponse()
        if path == "/slow":
            response.content_length = 100_000
        elif path == "/large":
            response.content_length = 100_000_000
        else:
            response.enable_chunked_encoding()
        await response.prepare(request)
        if path == "/large":
            for _ in range(1000):
                await response.write(bytes(100_000))
        else:
            await response.write(b"x" * 1000)
        if path.startswith("/slow"):
            await asyncio.sleep(60)
        await response.write_eof()
        return response
    if path == "/empty":
        return web.Response(status=204)
    if path == "/unchanged":
        return web.Response(status=304)
    return web.Response(text="hi")


app = web.Application()
app.router.add_route("*", "/{path}", handle)
web.run_app(app, host=host, port=int(port), print=None, access_log=None,
            keepalive_timeout=0.5 if hasty == "1" else 60)
