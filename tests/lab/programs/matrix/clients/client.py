# python client.py LIBRARY PLAN: see PLAN.md. LIBRARY: requests, httpx, aiohttp, pycurl.
import asyncio
import concurrent.futures
import importlib
import json
import sys
import time

PATIENCE = 600
MISSING = 100_000


class TimedOut(Exception):
    pass


class Client:
    def __init__(self, plan):
        self.url = plan["url"]
        self.idle = (plan["idle_limit_ms"] or PATIENCE * 1000) / 1000
        self.limit = (plan["request_timeout_ms"] or PATIENCE * 1000) / 1000
        self.open()


class Blocking(Client):
    """A library that blocks: each conversation has a thread."""

    async def ask(self, path, stalls_after, answer):
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(THREADS, self.ask_now, path, stalls_after, answer)

    async def close(self):
        self.shut()
        self.open()


class Requests(Blocking):
    def open(self):
        self.session = library.Session()
        self.session.trust_env = False
        self.session.mount("http://", library.adapters.HTTPAdapter(pool_maxsize=1, max_retries=0))

    def ask_now(self, path, stalls_after, answer):
        if stalls_after is None:
            request = library.Request("GET", self.url + path).prepare()
        else:
            request = library.Request("POST", self.url + path, data=b"x" * stalls_after).prepare()
            request.headers["Content-Length"] = str(stalls_after + MISSING)
        try:
            with self.session.send(request, timeout=self.limit, stream=True) as response:
                answer["status"] = response.status_code
                connection = response.raw.connection
                if connection and connection.sock:
                    answer["local_port"] = connection.sock.getsockname()[1]
                response.content
        except library.Timeout as error:
            raise TimedOut(error) from error
        except library.ConnectionError as error:
            # In a response's body it goes by another name.
            if "Read timed out" in str(error):
                raise TimedOut(error) from error
            raise

    def shut(self):
        self.session.close()


class Pycurl(Blocking):
    def open(self):
        self.curl = library.Curl()

    def ask_now(self, path, stalls_after, answer):
        curl, c = self.curl, library
        # Keeps the connections.
        curl.reset()
        curl.setopt(c.URL, self.url + path)
        curl.setopt(c.NOPROXY, "*")
        curl.setopt(c.NOSIGNAL, 1)
        curl.setopt(c.WRITEFUNCTION, lambda some: None)
        curl.setopt(c.TIMEOUT_MS, int(self.limit * 1000))
        curl.setopt(c.MAXAGE_CONN, max(1, round(self.idle)))
        if stalls_after is not None:
            some = iter([b"x" * stalls_after] if stalls_after else [])
            curl.setopt(c.POST, 1)
            curl.setopt(c.HTTPHEADER, ["Expect:"])
            curl.setopt(c.POSTFIELDSIZE_LARGE, stalls_after + MISSING)
            curl.setopt(c.READFUNCTION, lambda size: next(some, c.READFUNC_PAUSE))
        try:
            curl.perform()
        except c.error as error:
            raise TimedOut(error) if error.args[0] == c.E_OPERATION_TIMEDOUT else error
        finally:
            answer["status"] = curl.getinfo(c.RESPONSE_CODE) or None
            answer["local_port"] = curl.getinfo(c.LOCAL_PORT) or None

    def shut(self):
        self.curl.close()


async def stalling(some):
    if some:
        yield b"x" * some
    await asyncio.sleep(PATIENCE)


def declared(stalls_after):
    return {"content": stalling(stalls_after), "headers": {"Content-Length": str(stalls_after + MISSING)}}


class Httpx(Client):
    def open(self):
        limits = library.Limits(max_connections=1, keepalive_expiry=self.idle)
        self.client = library.AsyncClient(limits=limits, timeout=None, trust_env=False)

    async def ask(self, path, stalls_after, answer):
        more = {} if stalls_after is None else declared(stalls_after)
        method = "GET" if stalls_after is None else "POST"
        # It has time-outs for reads and writes only.
        async with asyncio.timeout(self.limit):
            async with self.client.stream(method, self.url + path, **more) as response:
                answer["status"] = response.status_code
                stream = response.extensions["network_stream"]
                answer["local_port"] = stream.get_extra_info("client_addr")[1]
                await response.aread()

    async def close(self):
        await self.client.aclose()
        self.open()


class Aiohttp(Client):
    def open(self):
        self.session = None

    def connect(self, address):
        self.socket = __import__("socket").socket(*address[:3])
        self.socket.setblocking(False)
        return self.socket

    def begin(self):
        connector = library.TCPConnector(limit=1, keepalive_timeout=self.idle, socket_factory=self.connect)
        timeout = library.ClientTimeout(total=self.limit)
        self.session = library.ClientSession(connector=connector, timeout=timeout)
        # There is no public way to have it not ask again.
        self.session._retry_connection = False

    async def ask(self, path, stalls_after, answer):
        if self.session is None:
            self.begin()
        more = {} if stalls_after is None else declared(stalls_after)
        more = {("data" if key == "content" else key): value for key, value in more.items()}
        method = "GET" if stalls_after is None else "POST"
        async with self.session.request(method, self.url + path, **more) as response:
            answer["status"] = response.status
            answer["local_port"] = self.socket.getsockname()[1]
            await response.read()

    async def close(self):
        if self.session is not None:
            await self.session.close()
        self.session = None


def say(line):
    print(json.dumps(line), flush=True)


async def converse(plan, client, started):
    since = lambda: round(time.monotonic() - started, 6)
    for step, what in enumerate(plan["steps"]):
        answer = {"outcome": "done", "status": None, "error": None, "local_port": None}
        begin = since()
        try:
            match what.split(" "):
                case ["get", path]:
                    await client.ask(path, None, answer)
                case ["post-stall", path, some]:
                    await client.ask(path, int(some), answer)
                case ["close"]:
                    await client.close()
                case ["sleep" | "hold", ms]:
                    await asyncio.sleep(int(ms) / 1000)
                case _:
                    raise SystemExit(f"no step is called {what}")
        except (TimedOut, TimeoutError) as error:
            answer.update(outcome="timed-out", error=repr(error))
        except Exception as error:
            answer.update(outcome="failed", error=repr(error))
        say({"id": plan["id"], "step": step, "what": what, **answer, "begin": begin, "end": since()})


async def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        plans = [json.loads(line) for line in file]
    global THREADS
    THREADS = concurrent.futures.ThreadPoolExecutor(len(plans))
    kinds = {"requests": Requests, "httpx": Httpx, "aiohttp": Aiohttp, "pycurl": Pycurl}
    clients = [kinds[sys.argv[1]](plan) for plan in plans]
    say({"started": time.time()})
    started = time.monotonic()
    await asyncio.gather(*(converse(plan, client, started) for plan, client in zip(plans, clients)))
    sys.stdout.flush()
    # Nothing is closed by the libraries on the way out.
    __import__("os")._exit(0)


library = importlib.import_module(sys.argv[1])
asyncio.run(main())
