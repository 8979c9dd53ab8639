#!/usr/bin/env node
// Node's http2 server with an idle timeout of 1.5 s (session.setTimeout, destroy): quick calls, then silence; and a stream open.
// idle: server-idle at 1.50 s; keepalive-timer from the third on. stream: premature-hangup, closer server, in flight 1.
const http2 = require('http2');
const server = http2.createServer();
server.on('session', s => s.setTimeout(1500, () => s.destroy()));
server.on('stream', (st, h) => { st.on('error', () => {}); st.respond({':status': 200}); if (h[':path'] === '/slow') st.write('x'); else st.end('ok'); });
server.listen(32109, '127.0.0.1', () => {
  let left = 8;
  for (let i = 0; i < 8; i++) setTimeout(() => {
    const c = http2.connect('http://127.0.0.1:32109'); c.on('error', () => {});
    const r = c.request({':path': i < 5 ? '/' : '/slow'}); r.on('error', () => {}); r.resume(); r.end();
    c.on('close', () => { if (--left === 0) process.exit(0); });
  }, i * 130);
});
