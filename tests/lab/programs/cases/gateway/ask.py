"""Asks by POST over connections of its own, each with a pause of its own between two requests, then holds them.
The plan (JSON): {url, gaps_ms: [[...], ...], timeout_ms, hold_ms, apart_ms}; one JSON line is written for each request."""
import json
import sys
import threading
import time

import requests

PLAN = json.loads(sys.argv[1])
LOCK = threading.Lock()


def tell(**told):
    with LOCK:
        print(json.dumps(told), flush=True)


def innermost(error):
    """What urllib3 wraps: the error's own name and the words of the one beneath."""
    beneath = error
    while beneath.__context__ is not None or beneath.__cause__ is not None:
        beneath = beneath.__cause__ or beneath.__context__
    return f"{type(error).__name__}: {type(beneath).__name__}: {beneath}"


def converse(number, gaps):
    time.sleep(number * PLAN["apart_ms"] / 1000)
    session = requests.Session()
    for gap in [0, *gaps]:
        time.sleep(gap / 1000)
        try:
            answer = session.post(PLAN["url"], data=b"{}", timeout=PLAN["timeout_ms"] / 1000)
            tell(status=answer.status_code)
        except requests.RequestException as error:
            tell(error=innermost(error))
    time.sleep(PLAN["hold_ms"] / 1000)


threads = [threading.Thread(target=converse, args=one) for one in enumerate(PLAN["gaps_ms"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
