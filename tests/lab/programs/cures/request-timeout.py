#!/usr/bin/env python3
# nginx waits 1 s for an answer (proxy_read_timeout) that takes 1.6 s
from advice import *
P=18812
limit=value('client','proxy_read_timeout','5s') or '1s'
http='server { listen 127.0.0.1:%d; location / { proxy_read_timeout %s; proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; } }'%(P,limit,P+1)
js="require('http').createServer((q,r)=>setTimeout(()=>r.end('ok'),1600)).listen(%d,'127.0.0.1')"%(P+1)
def one():
    s=socket.create_connection(('127.0.0.1',P)); s.sendall(HTTP); d=b''
    while not whole(d) and (x:=s.recv(4096)): d+=x
    s.close(); return not d.startswith(b'HTTP/1.1 200')
with Running('node','-e',js), nginx(http): listening(P); listening(P+1); side_by_side(one)
