#!/usr/bin/env python3
# nginx's keepalive_timeout, 1 s
from advice import *
P=18802; w=tempfile.mkdtemp()
limit=value('server','keepalive_timeout') or '1s'
open(w+'/conf','w').write('daemon off; pid %s/pid; error_log %s/log; events {} http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s; keepalive_timeout %s; server { listen 127.0.0.1:%d; return 200 ok; } }'%(w,w,w,w,w,w,w,limit,P))
with Running('nginx','-c',w+'/conf'): listening(P); use(('127.0.0.1',P),[.5,1.4,.5,1.6,1.5,.4,1.8])
