# What the plays here share: the first advice of the report, once there is one, and clients that count what they lose.
import json,os,re,socket,subprocess,sys,tempfile,threading,time

ADVICE=json.loads(os.environ.get('ADVICE','null'))

def seconds(text):
    """Of a value in a setting's own format: 1200 (ms), 65s, 1m, 0.9 s."""
    number,unit=re.match(r'\s*([\d.]+)\s*(ms|s|min|m|h)?',text).groups()
    return float(number)*{'ms':.001,'s':1,'m':60,'min':60,'h':3600}.get(unit,1)

def value(side,setting=None,enough=None):
    """The value alone, where the advice is to change this; else None. `enough`: where it is to be changed, and not to what."""
    if not ADVICE or ADVICE['side']!=side or ADVICE['setting']!=setting: return None
    if ADVICE['value'] is None: return enough
    return re.search(r'[\d.]+ ?(ms|s|min|m|h)?\b',ADVICE['value'].replace(setting or '','')).group()

def client_limit():
    """Seconds after which a client is to close an idle connection; None where nobody said so."""
    said=value('client')
    return seconds(said) if said else None

class Pool:
    """A pool of one connection that does not look before it uses it again."""
    def __init__(self,to,ask,answered): self.to,self.ask,self.answered,self.s,self.lost,self.ok=to,ask,answered,None,0,0
    def request(self):
        try:
            if not self.s: self.s=socket.create_connection(self.to,timeout=5)
            self.s.sendall(self.ask); d=b''
            while not self.answered(d):
                x=self.s.recv(4096)
                if not x: raise ConnectionResetError
                d+=x
            self.ok+=1
        except OSError: self.lost+=1; self.close()
    def close(self):
        if self.s: self.s.close(); self.s=None
    def idle(self,gap):
        limit=client_limit()
        if limit is not None and gap>limit: time.sleep(limit); self.close(); gap-=limit
        time.sleep(gap)

HTTP=b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
def whole(d):
    head,_,body=d.partition(b'\r\n\r\n'); n=re.search(rb'(?i)content-length: *(\d+)',head)
    return bool(_) and len(body)>=int(n.group(1) if n else 0)

def use(to,gaps,clients=4,ask=HTTP,answered=whole):
    """Clients that ask again after each of these gaps, side by side; says how many requests they lost."""
    pools=[Pool(to,ask,answered) for _ in range(clients)]
    def one(i,p):
        time.sleep(i*.11); p.request()
        for gap in gaps: p.idle(gap); p.request()
        p.idle(.2); p.close()
    ts=[threading.Thread(target=one,args=x) for x in enumerate(pools)]
    [t.start() for t in ts]; [t.join() for t in ts]
    print('answered',sum(p.ok for p in pools),'lost',sum(p.lost for p in pools),flush=True)

def listening(port):
    """Waits for that without connecting: a refused connect would be a loss."""
    for _ in range(400):
        if any(line.split()[1].endswith(':%04X'%port) and line.split()[3]=='0A' for line in open('/proc/net/tcp')): return
        time.sleep(.05)
    sys.exit('nothing listens on %d'%port)

def side_by_side(one):
    """Twice four of them, each of which says whether it lost a request."""
    lost=[]
    for _ in range(2):
        ts=[threading.Thread(target=lambda: lost.append(one())) for _ in range(4)]
        for t in ts: t.start(); time.sleep(.13)
        [t.join() for t in ts]
    print('lost',sum(lost))

class Running:
    def __init__(self,*command): self.p=subprocess.Popen(command)
    def __enter__(self): return self
    def __exit__(self,*_): self.p.terminate(); self.p.wait()

def nginx(http):
    """nginx with this in its http block."""
    w=tempfile.mkdtemp(); temp=' '.join('%s_temp_path %s/%s;'%(x,w,x) for x in ('client_body','proxy','fastcgi','uwsgi','scgi'))
    open(w+'/conf','w').write('daemon off; pid %s/pid; error_log %s/log; events {} http { access_log off; %s %s }'%(w,w,temp,http))
    return Running('nginx','-c',w+'/conf')
