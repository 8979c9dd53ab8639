#!/usr/bin/env python3
# nginx's keepalive_timeout, 1 s
from advice import *
P=18802; limit=value('server','keepalive_timeout') or '1s'
with nginx('keepalive_timeout %s; server { listen 127.0.0.1:%d; return 200 ok; }'%(limit,P)): listening(P); use(('127.0.0.1',P),[.5,1.4,.5,1.6,1.5,.4,1.8])
