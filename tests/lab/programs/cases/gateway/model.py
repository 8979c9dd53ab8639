"""A model server: /work/MS answers after so many milliseconds; for uvicorn (asgi) and gunicorn (wsgi)."""
import asyncio
import time

ANSWER = b"answer\n"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(ANSWER)))]


def seconds(path):
    last = path.rsplit("/", 1)[-1]
    return int(last) / 1000 if last.isdigit() else 0


def wsgi(environ, start_response):
    environ["wsgi.input"].read()
    time.sleep(seconds(environ["PATH_INFO"]))
    start_response("200 OK", HEADERS)
    return [ANSWER]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(seconds(scope["path"]))
    headers = [(name.encode(), value.encode()) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
