#!/usr/bin/env python3
# Node's loop is busy for 0.3 s each time its idle timer, 2 s, is due for the pool
from advice import *
P=18805
found=ADVICE and 'blocks the event loop' in ADVICE['text']      # and is gone
with Running('node','-e',"const s=require('http').createServer((q,r)=>{if(q.url=='/slow'){const e=Date.now()+300;while(Date.now()<e);}r.end('ok')});s.keepAliveTimeout=1000;s.listen(%d,'127.0.0.1')"%P):
    listening(P); pools=[Pool(('127.0.0.1',P),HTTP,whole) for _ in range(6)]; lost=0
    for _ in range(4):
        for p in pools: p.request()
        limit=client_limit(); gap=1.87                     # Node adds a second to what it is told
        if limit is not None and limit<gap:
            time.sleep(limit); [p.close() for p in pools]; gap-=limit
        time.sleep(gap)
        slow=socket.create_connection(('127.0.0.1',P)); slow.sendall(HTTP if found else HTTP.replace(b' / ',b' /slow ')); time.sleep(.05)
        ts=[threading.Thread(target=p.request) for p in pools]; [t.start() for t in ts]; [t.join() for t in ts]
        for p in pools: p.close()
        slow.recv(999); slow.close(); time.sleep(.2)
    # What makes its timer known: idle connections that nobody uses again.
    idle=[Pool(('127.0.0.1',P),HTTP,whole) for _ in range(6)]
    if client_limit() is None:
        for p in idle: p.request(); time.sleep(.3)
        time.sleep(2.5)
    print('answered',sum(p.ok for p in pools),'lost',sum(p.lost for p in pools))
