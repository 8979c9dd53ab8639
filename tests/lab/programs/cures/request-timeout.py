#!/usr/bin/env python3
# nginx waits 1 s for an answer (proxy_read_timeout) that takes 1.6 s
from advice import *
P=18812; w=tempfile.mkdtemp()
limit=value('client','proxy_read_timeout','5s') or '1s'
open(w+'/conf','w').write('daemon off; pid %s/pid; error_log %s/log; events {} http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s; server { listen 127.0.0.1:%d; location / { proxy_read_timeout %s; proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; } } }'%(w,w,w,w,w,w,w,P,limit,P+1))
js="require('http').createServer((q,r)=>setTimeout(()=>r.end('ok'),1600)).listen(%d,'127.0.0.1')"%(P+1)
with Running('node','-e',js), Running('nginx','-c',w+'/conf'):
    listening(P); listening(P+1); lost=[]
    def one():
        s=socket.create_connection(('127.0.0.1',P)); s.sendall(HTTP); d=b''
        while not whole(d) and (x:=s.recv(4096)): d+=x
        if not d.startswith(b'HTTP/1.1 200'): lost.append(1)
        s.close()
    for _ in range(2):
        ts=[threading.Thread(target=one) for _ in range(4)]
        for t in ts: t.start(); time.sleep(.13)
        [t.join() for t in ts]
    print('lost',len(lost))
