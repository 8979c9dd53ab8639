#!/usr/bin/env python3
# case-001: a gateway holds its connections longer than uvicorn's --timeout-keep-alive (5 s, as it comes)
from advice import *
P=18816
limit=value('server','--timeout-keep-alive')
w=tempfile.mkdtemp()
open(w+'/app.py','w').write("""async def app(scope, receive, send):
    if scope['type'] != 'http': return
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'2')]})
    await send({'type': 'http.response.body', 'body': b'ok'})
""")
more=['--timeout-keep-alive',str(int(seconds(limit)))] if limit else []
with Running('uvicorn','--app-dir',w,'--port',str(P),'--log-level','warning',*more,'app:app'):
    listening(P); use(('127.0.0.1',P),[.5,5.6,.5,5.8],clients=6)
