# python server_aiohttp.py HOST PORT HASTY. Targets: see README.md.
import asyncio
import sys

from aiohttp import web

host, port, hasty = sys.argv[1:]


async def handle(request):
    body = await request.read()
    what, _, ms = request.path.strip("/").partition("/")
    if what == "wait":
        await asyncio.sleep(int(ms) / 1000)
    elif what == "drip":
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b"x" * 500)
        await asyncio.sleep(int(ms) / 1000)
        await response.write(b"x" * 500)
        await response.write_eof()
        return response
    elif what == "read":
        return web.Response(text=str(len(body)))
    response = web.Response(text="hi")
    if what == "last":
        response.force_close()
    return response


app = web.Application(client_max_size=1 << 30)
app.router.add_route("*", "/{path:.*}", handle)
web.run_app(app, host=host, port=int(port), print=None, access_log=None, backlog=1024,
            shutdown_timeout=3, keepalive_timeout=2 if hasty == "1" else 120)
