#!/usr/bin/env python3
# Redis' timeout, 3 s: it looks for idle clients once a second
from advice import *
P=18804; w=tempfile.mkdtemp()
limit=value('server','timeout') or '3'
with Running('redis-server','--port',str(P),'--bind','127.0.0.1','--save','','--dir',w,'--timeout',limit.split()[0]):
    listening(P); use(('127.0.0.1',P),[.5,5.4,.5,5.6,5.5,.4,5.8,5.2],ask=b'PING\r\n',answered=lambda d:d.endswith(b'PONG\r\n'))
