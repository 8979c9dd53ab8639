"""Asks by POST over connections of its own, each with pauses of its own between two requests, then holds them.
The plan (JSON): {url, gaps_ms: [[...], ...], timeout_ms, idle_ms, hold_ms, apart_ms}. What came of each request goes to
standard output. With `idle_ms` it is aiohttp, whose pool has a limit; else requests, whose has none."""
import asyncio
import json
import sys
import threading
import time

PLAN = json.loads(sys.argv[1])
TIMEOUT = PLAN["timeout_ms"] / 1000
LOCK = threading.Lock()


def tell(outcome):
    with LOCK:
        print("outcome", outcome, flush=True)


def innermost(error):
    """The error's name and that of the one beneath: a session wraps what urllib3 wraps."""
    beneath = error
    while beneath.__cause__ or beneath.__context__:
        beneath = beneath.__cause__ or beneath.__context__
    return f"{type(error).__name__} ({type(beneath).__name__})"


def by_requests():
    import requests

    def converse(number, gaps):
        time.sleep(number * PLAN["apart_ms"] / 1000)
        session = requests.Session()
        for gap in [0, *gaps]:
            time.sleep(gap / 1000)
            try:
                tell(session.post(PLAN["url"], data=b"{}", timeout=TIMEOUT).status_code)
            except requests.RequestException as error:
                tell(innermost(error))
        time.sleep(PLAN["hold_ms"] / 1000)

    threads = [threading.Thread(target=converse, args=one) for one in enumerate(PLAN["gaps_ms"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def by_aiohttp():
    import aiohttp

    async def converse(number, gaps):
        await asyncio.sleep(number * PLAN["apart_ms"] / 1000)
        pool = aiohttp.TCPConnector(keepalive_timeout=PLAN["idle_ms"] / 1000)
        limit = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(connector=pool, timeout=limit) as session:
            for gap in [0, *gaps]:
                await asyncio.sleep(gap / 1000)
                try:
                    async with session.post(PLAN["url"], data=b"{}") as answer:
                        await answer.read()
                        tell(answer.status)
                except (aiohttp.ClientError, TimeoutError) as error:
                    tell(type(error).__name__)
            await asyncio.sleep(PLAN["hold_ms"] / 1000)

    await asyncio.gather(*(converse(*one) for one in enumerate(PLAN["gaps_ms"])))


if PLAN["idle_ms"]:
    asyncio.run(by_aiohttp())
else:
    by_requests()
