// node http2.js serve|ask HOST PORT: HTTP/2 in clear text. The server says GOAWAY 1.5 s after its last stream; the client
// pings every 0.3 s until the server has ended the connection.
const http2 = require('http2');
const [role, host, port] = process.argv.slice(2);
if (role === 'serve') {
  const server = http2.createServer((request, response) => response.end('hi'));
  server.on('session', (session) => {
    session.on('stream', (stream) => stream.on('close', () => setTimeout(() => session.close(), 1500)));
  });
  server.listen(Number(port), host);
} else {
  const session = http2.connect(`http://${host}:${port}`);
  const request = session.request({ ':path': '/' });
  request.resume();
  const timer = setInterval(() => !session.closed && session.ping(() => {}), 300);
  request.on('error', (error) => { console.error(error); process.exit(1); });
  session.on('close', () => { clearInterval(timer); process.exit(0); });
}
