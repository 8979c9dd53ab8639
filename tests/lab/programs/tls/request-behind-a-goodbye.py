#!/usr/bin/env python3
# A request 0.3 s after the server's close_notify, whose FIN has yet to come (asyncio waits for the answer): it is lost to an
# idle close. argv: port
import asyncio, sys, threading, time
from tlskit import GET, OK, connect, server, trusting, until_end
port, ready = int(sys.argv[1]), threading.Event()


async def handle(reader, writer):
    try:
        while True:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), .5)
            writer.write(OK)
    except (TimeoutError, asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
        writer.close()


async def serve():
    await asyncio.start_server(handle, "127.0.0.1", port, ssl=server())
    ready.set()
    await asyncio.sleep(60)


threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
ready.wait()
for _ in range(4):
    one = connect(port, trusting())
    one.sendall(GET)
    one.recv(999)
    time.sleep(.8)
    try:
        one.sendall(GET)
        one.settimeout(1)
        until_end(one)
    except OSError:
        pass
    one.close()
