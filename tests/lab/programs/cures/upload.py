#!/usr/bin/env python3
# case-003: an upload that pauses for longer than nginx' client_body_timeout (1 s)
from advice import *
P=18818
limit=value('server','client_body_timeout','5s') or '1s'
http='server { listen 127.0.0.1:%d; client_body_timeout %s; location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; } }'%(P,limit,P+1)
js="require('http').createServer((q,r)=>{q.resume();q.on('end',()=>r.end('ok'))}).listen(%d,'127.0.0.1')"%(P+1)
def one():
    s=socket.create_connection(('127.0.0.1',P)); d=b''
    try:
        s.sendall(b'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
        for _ in range(3): s.sendall(b'5\r\nhello\r\n'); time.sleep(1.6)
        s.sendall(b'0\r\n\r\n')
        while not whole(d) and (x:=s.recv(4096)): d+=x
    except OSError: pass
    s.close(); return not d.startswith(b'HTTP/1.1 200')
with Running('node','-e',js), nginx(http): listening(P); listening(P+1); side_by_side(one)
