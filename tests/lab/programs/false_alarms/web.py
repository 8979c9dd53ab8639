# For gunicorn: `web:application`. `/wait` takes half a minute, `/stuck` does so whatever it is told.
import time


def application(environ, start_response):
    until = time.monotonic() + 30
    if environ["PATH_INFO"] == "/wait":
        time.sleep(30)
    while environ["PATH_INFO"] == "/stuck" and time.monotonic() < until:
        try:
            time.sleep(30)
        except BaseException:
            pass
    start_response("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain")])
    return [b"hi"]
