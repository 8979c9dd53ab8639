#!/usr/bin/env python3
# HAProxy's timeout http-keep-alive, 1 s
from advice import *
P=18803; w=tempfile.mkdtemp()
limit=value('server','timeout http-keep-alive') or '1s'
open(w+'/conf','w').write('defaults\n mode http\n timeout client 60s\n timeout server 60s\n timeout connect 5s\n timeout http-keep-alive %s\nfrontend f\n bind 127.0.0.1:%d\n http-request return status 200 content-type text/plain string ok\n'%(limit,P))
with Running('haproxy','-f',w+'/conf'): listening(P); use(('127.0.0.1',P),[.5,1.4,.5,1.6,1.5,.4,1.8])
