# python client_requests.py MODE HOST:PORT TARGET GIVE_UP_MS
import sys
import time

import requests

mode, server, target, limit = sys.argv[1:]
base = f"http://{server}"
limit = int(limit) / 1000 or None
session = requests.Session()
session.trust_env = False


def stall():
    yield b"0123456789"
    time.sleep(limit or 60)
    raise TimeoutError


class Stalling:
    """Announces more than it gives."""

    len = 1000

    def __init__(self):
        self.pieces = stall()

    def read(self, _size=-1):
        return next(self.pieces)


try:
    if mode in ("get", "pool"):
        session.get(base + target, timeout=limit)
    elif mode == "reuse":
        session.get(base + "/fast")
        session.get(base + target, timeout=limit)
    elif mode == "head":
        session.head(base + target)
    elif mode == "exit":
        session.get(base + target)
        time.sleep(0.3)
        sys.exit()
    elif mode == "upload":
        session.post(base + target, data=Stalling())
    elif mode == "upload-chunked":
        session.post(base + target, data=stall())
    elif mode == "tunnel":
        session.get(f"https://{target}/", proxies={"https": base}, timeout=limit)
    else:
        raise SystemExit(mode)
except (requests.RequestException, TimeoutError) as error:
    print(error)
time.sleep(60)
