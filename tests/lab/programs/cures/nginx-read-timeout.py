#!/usr/bin/env python3
# a stream of events through nginx, silent for 1.5 s at a time, that nginx' proxy_read_timeout (1 s) cuts
from advice import *
P=18810; w=tempfile.mkdtemp()
limit=value('server','proxy_read_timeout','5s') or value('client','proxy_read_timeout','5s') or '1s'
open(w+'/conf','w').write('daemon off; pid %s/pid; error_log %s/log; events {} http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s; server { listen 127.0.0.1:%d; proxy_read_timeout %s; location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }'%(w,w,w,w,w,w,w,P,limit,P+1))
js="require('http').createServer((q,r)=>{r.writeHead(200,{'content-type':'text/event-stream'});let n=0;const t=()=>{r.write('data: x\\n\\n');++n<4?setTimeout(t,1500):r.end()};t()}).listen(%d,'127.0.0.1')"%(P+1)
with Running('node','-e',js), Running('nginx','-c',w+'/conf'):
    listening(P); listening(P+1); lost=[]
    def one():
        s=socket.create_connection(('127.0.0.1',P)); s.sendall(HTTP); d=b''
        while (x:=s.recv(4096)):
            d+=x
            if d.endswith(b'0\r\n\r\n'): break
        if not d.endswith(b'0\r\n\r\n'): lost.append(1)
        s.close()
    for _ in range(2):
        ts=[threading.Thread(target=one) for _ in range(4)]
        for t in ts: t.start(); time.sleep(.13)
        [t.join() for t in ts]
    print('lost',len(lost))
