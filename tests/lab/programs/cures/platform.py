#!/usr/bin/env python3
# case-000: Node as it comes (keepAliveTimeout 5 s) behind a platform that holds its connections longer
from advice import *
P=18815
ms=value('server','server.keepAliveTimeout') or '5000'
with Running('node','-e',"const s=require('http').createServer((q,r)=>r.end('ok'));s.keepAliveTimeout=+process.argv[1];s.listen(%d,'127.0.0.1')"%P,ms):
    listening(P); use(('127.0.0.1',P),[.5,6.7,.5,6.9],clients=6)
