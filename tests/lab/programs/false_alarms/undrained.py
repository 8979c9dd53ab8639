# undrained.py URL: three responses of which nothing but the head is read, each left after a while.
import sys
import time

import requests

for seconds in (0.3, 0.45, 0.65):
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(sys.argv[1], stream=True, timeout=10)
        assert response.status_code == 200
        time.sleep(seconds)
        response.close()
