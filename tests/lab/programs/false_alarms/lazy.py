# lazy.py URL: two clients that ask once each, and look at their connections again when they are closed, 5 s later.
import sys
import time

import httpx

clients = [httpx.Client(timeout=10, trust_env=False), httpx.Client(timeout=10, trust_env=False)]
for client in clients:
    assert client.get(sys.argv[1]).status_code == 200
    time.sleep(0.3)
time.sleep(5)
for client in clients:
    client.close()
