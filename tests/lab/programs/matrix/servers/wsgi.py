# A WSGI application for gunicorn and waitress. Targets: see README.md.
import time


def application(environ, start_response):
    size = 0
    while block := environ["wsgi.input"].read(65536):
        size += len(block)
    what, _, ms = environ["PATH_INFO"].strip("/").partition("/")
    if what == "wait":
        time.sleep(int(ms) / 1000)
    if what == "drip":
        start_response("200 OK", [("Content-Length", "1000")])
        return drip(int(ms) / 1000)
    body = str(size).encode() if what == "read" else b"hi"
    headers = [("Content-Length", str(len(body)))]
    if what == "last":
        headers.append(("Connection", "close"))
    start_response("200 OK", headers)
    return [body]


def drip(seconds):
    yield b"x" * 500
    time.sleep(seconds)
    yield b"x" * 500
