# websocket.py serve|close|be-closed|stay HOST PORT
import asyncio
import sys

import websockets

role, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


async def talk(socket):
    async for message in socket:
        if message == "close":
            return
        await socket.send(message)


async def main():
    if role == "serve":
        async with websockets.serve(talk, host, port):
            await asyncio.Future()
    async with websockets.connect(f"ws://{host}:{port}/", proxy=None) as socket:
        await socket.send("hi")
        assert await socket.recv() == "hi"
        await asyncio.sleep(0.3)
        if role == "be-closed":
            await socket.send("close")
            await socket.wait_closed()
        if role == "stay":
            await asyncio.sleep(60)


asyncio.run(main())
