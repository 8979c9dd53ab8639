#!/usr/bin/env python3
# a stream of events through nginx, silent for 1.5 s at a time, that nginx' proxy_read_timeout (1 s) cuts
from advice import *
P=18810
limit=value('server','proxy_read_timeout','5s') or value('client','proxy_read_timeout','5s') or '1s'
http='server { listen 127.0.0.1:%d; proxy_read_timeout %s; location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }'%(P,limit,P+1)
js="require('http').createServer((q,r)=>{r.writeHead(200,{'content-type':'text/event-stream'});let n=0;const t=()=>{r.write('data: x\\n\\n');++n<4?setTimeout(t,1500):r.end()};t()}).listen(%d,'127.0.0.1')"%(P+1)
def one():
    s=socket.create_connection(('127.0.0.1',P)); s.sendall(HTTP); d=b''
    while not d.endswith(b'0\r\n\r\n') and (x:=s.recv(4096)): d+=x
    s.close(); return not d.endswith(b'0\r\n\r\n')
with Running('node','-e',js), nginx(http): listening(P); listening(P+1); side_by_side(one)
