# python client_aiohttp.py MODE HOST:PORT TARGET GIVE_UP_MS
import asyncio
import sys

import aiohttp

mode, server, target, limit = sys.argv[1:]
base = f"http://{server}"
timeout = aiohttp.ClientTimeout(total=int(limit) / 1000 or None)


async def stall():
    yield b"0123456789"
    await asyncio.sleep(60)


async def act(session):
    async def do(method, url, **options):
        async with session.request(method, url, timeout=timeout, **options) as response:
            await response.read()

    if mode in ("get", "pool", "pool-timer"):
        await do("GET", base + target)
    elif mode == "reuse":
        await do("GET", base + "/fast")
        await do("GET", base + target)
    elif mode == "head":
        await do("HEAD", base + target)
    elif mode == "exit":
        await do("GET", base + target)
        await asyncio.sleep(0.3)
        sys.exit()
    elif mode == "upload":
        await do("POST", base + target, data=stall(), headers={"Content-Length": "1000"})
    elif mode == "upload-chunked":
        await do("POST", base + target, data=stall())
    elif mode == "expect":
        await do("POST", base + target, data=b"0123456789", expect100=True)
    elif mode == "tunnel":
        await do("GET", f"https://{target}/", proxy=base, ssl=False)
    else:
        raise SystemExit(mode)


async def main():
    connector = aiohttp.TCPConnector(keepalive_timeout=0.5 if mode == "pool-timer" else 60)
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            await act(session)
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            print(repr(error))
        await asyncio.sleep(60)


asyncio.run(main())
