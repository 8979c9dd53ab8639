# python pool_requests.py AT_ONCE ROUNDS GAP_MS URL...: so many requests at once, again after a gap, and then nothing more.
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import requests

at_once, rounds, gap, *urls = sys.argv[1:]
session = requests.Session()
session.trust_env = False


def get(url):
    try:
        session.get(url)
    except requests.RequestException as error:
        print(error, flush=True)


with ThreadPoolExecutor(int(at_once) * len(urls)) as threads:
    for number in range(int(rounds)):
        if number > 0:
            time.sleep(int(gap) / 1000)
        list(threads.map(get, urls * int(at_once)))
time.sleep(600)
