# python server_tornado.py HOST PORT HASTY. Targets: see README.md.
import asyncio
import sys

from tornado import netutil, web
from tornado.httpserver import HTTPServer

host, port, hasty = sys.argv[1:]


class Handler(web.RequestHandler):
    async def get(self, what, ms):
        if what == "wait":
            await asyncio.sleep(int(ms) / 1000)
        if what == "drip":
            self.set_header("Content-Length", "1000")
            self.write(b"x" * 500)
            await self.flush()
            await asyncio.sleep(int(ms) / 1000)
            self.write(b"x" * 500)
            return
        if what == "last":
            self.set_header("Connection", "close")
        self.write("hi")

    async def post(self, what, ms):
        self.write(str(len(self.request.body)))


async def main():
    app = web.Application([(r"/([a-z]*)/?([0-9]*)", Handler)], log_function=lambda handler: None)
    limits = {"idle_connection_timeout": 2, "body_timeout": 2} if hasty == "1" else {"idle_connection_timeout": 120}
    server = HTTPServer(app, **limits)
    server.add_sockets(netutil.bind_sockets(int(port), host, backlog=1024))
    await asyncio.Event().wait()


asyncio.run(main())
