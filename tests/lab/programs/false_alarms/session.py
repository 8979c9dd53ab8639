# session.py URL COUNT SECONDS: asks so often over one pool, so far apart.
import sys
import time

import requests

url, count, apart = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
with requests.Session() as session:
    session.trust_env = False
    for _ in range(count):
        print(session.get(url, timeout=10).status_code)
        time.sleep(apart)
