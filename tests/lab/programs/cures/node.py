#!/usr/bin/env python3
# Node's server.keepAliveTimeout, 1 s
from advice import *
P=18801
ms=value('server','server.keepAliveTimeout') or '1000'
with Running('node','-e',"const s=require('http').createServer((q,r)=>r.end('ok'));s.keepAliveTimeout=+process.argv[1];s.listen(%d,'127.0.0.1')"%P,ms):
    listening(P); use(('127.0.0.1',P),[.5,2.4,.5,2.6,2.5,.4,2.8])
