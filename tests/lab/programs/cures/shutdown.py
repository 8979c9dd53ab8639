#!/usr/bin/env python3
# case-002: a service is stopped with SIGTERM while requests wait, and starts again
from advice import *
P=18817
waits=bool(ADVICE) and ADVICE['side']=='server' and 'finish the requests in flight' in ADVICE['text']
js="""const s=require('http').createServer((q,r)=>setTimeout(()=>r.end('ok'),600)).listen(%d,'127.0.0.1');
if(process.argv[1]==='true')process.on('SIGTERM',()=>s.close(()=>process.exit(0)))"""%P
lost=[]
def one():
    s=socket.create_connection(('127.0.0.1',P)); s.sendall(HTTP); d=b''
    try:
        while not whole(d) and (x:=s.recv(4096)): d+=x
    except OSError: pass
    s.close(); lost.append(not whole(d))
for _ in range(2):
    with Running('node','-e',js,str(waits).lower()):
        listening(P)
        ts=[threading.Thread(target=one) for _ in range(4)]
        [t.start() for t in ts]; time.sleep(.3)
    [t.join() for t in ts]
print('lost',sum(lost))
