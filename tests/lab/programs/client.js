// node client.js MODE HOST:PORT TARGET GIVE_UP_MS
const http = require('http');
const [mode, server, target, limit] = process.argv.slice(2);
const [host, port] = server.split(':');
const giveUp = Number(limit);

const agent = new http.Agent({ keepAlive: true, maxSockets: 1, ...(mode === 'pool-timer' ? { timeout: 500 } : {}) });
const base = { host, port, agent };
// A process that only waits stays.
setInterval(() => {}, 1000);

function request(options, then = () => {}) {
  const made = http.request({ ...base, ...options }, (response) => {
    response.on('error', () => {});
    response.on('end', then).resume();
  });
  made.on('error', (error) => console.log(error.message));
  return made;
}

function limited(made) {
  if (giveUp > 0) setTimeout(() => made.destroy(), giveUp);
  return made;
}

switch (mode) {
  case 'get': limited(request({ path: target })).end(); break;
  case 'reuse':
    request({ path: '/fast' }, () => setImmediate(() => limited(request({ path: target })).end())).end();
    break;
  case 'head': request({ path: target, method: 'HEAD' }).end(); break;
  case 'pool': case 'pool-timer': request({ path: target }).end(); break;
  case 'exit': request({ path: target }, () => setTimeout(() => process.exit(0), 300)).end(); break;
  case 'upload':
    limited(request({ path: target, method: 'POST', headers: { 'Content-Length': 1000 } })).write('0123456789');
    break;
  case 'upload-chunked': limited(request({ path: target, method: 'POST' })).write('0123456789'); break;
  case 'expect':
    limited(request({ path: target, method: 'POST', headers: { Expect: '100-continue', 'Content-Length': 10 } }))
      .flushHeaders();
    break;
  case 'tunnel':
    limited(request({ path: target, method: 'CONNECT' })).on('connect', (response, socket) => {
      socket.on('error', () => {});
      if (giveUp > 0) setTimeout(() => socket.destroy(), giveUp);
    }).end();
    break;
  default: throw new Error(mode);
}
