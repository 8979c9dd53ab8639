#!/usr/bin/env node
// Node's http2 client: four sessions with a stream open are destroyed by the client; four are closed politely after the answer.
// destroyed: premature-hangup, closer client, in flight 1. closed: client-idle or completed, in flight 0.
const http2 = require('http2');
const server = http2.createServer();
server.on('stream', (st, h) => { st.on('error', () => {}); st.respond({':status': 200}); if (h[':path'] === '/slow') st.write('x'); else st.end('ok'); });
server.on('sessionError', () => {});
server.listen(32110, '127.0.0.1', () => {
  let left = 8;
  for (let i = 0; i < 8; i++) setTimeout(() => {
    const c = http2.connect('http://127.0.0.1:32110'); c.on('error', () => {});
    const r = c.request({':path': i % 2 ? '/slow' : '/'}); r.on('error', () => {}); r.resume(); r.end();
    setTimeout(() => i % 2 ? c.destroy() : c.close(), 400);
    c.on('close', () => { if (--left === 0) setTimeout(() => process.exit(0), 200); });
  }, i * 130);
});
