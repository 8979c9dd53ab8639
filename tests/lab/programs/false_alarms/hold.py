# hold.py URL COUNT SECONDS: so many connections, each asked once, all held so long.
import sys
import time

import requests
import urllib3

urllib3.disable_warnings()
url, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
sessions = []
for _ in range(count):
    session = requests.Session()
    session.trust_env = False
    assert session.get(url, timeout=10, verify=False).status_code == 200
    sessions.append(session)
    time.sleep(0.1)
time.sleep(seconds)
for session in sessions:
    session.close()
