// node server.js HOST PORT HASTY
const http = require('http');
const crypto = require('crypto');
const [host, port, hasty] = process.argv.slice(2);

const options = hasty === '1'
  ? { headersTimeout: 400, requestTimeout: 700, connectionsCheckingInterval: 100, keepAliveTimeout: 300 }
  : { headersTimeout: 60000, requestTimeout: 60000, keepAliveTimeout: 60000 };

const server = http.createServer(options, (request, response) => {
  const whole = (then) => request.resume().on('end', then);
  switch (request.url) {
    case '/early': return response.end('early');
    case '/sleep': return whole(() => {});
    case '/slow': return whole(() => {
      response.writeHead(200, { 'Content-Length': 100000 });
      response.write('x'.repeat(1000));
    });
    case '/slow-chunked': return whole(() => response.write('hello'));
    case '/chunked': return whole(() => { response.write('one'); response.end('two'); });
    case '/large': return whole(() => response.end(Buffer.alloc(100000000)));
    case '/empty': return whole(() => response.writeHead(204).end());
    case '/unchanged': return whole(() => response.writeHead(304).end());
    default: return whole(() => {
      response.setHeader('Content-Length', 2);
      response.end('hi');
    });
  }
});
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = crypto.createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on('end', () => socket.end());
  socket.on('error', () => {});
  if (hasty === '1') setTimeout(() => socket.destroy(), 500);
});
// Ends a socket on which nothing moves, whatever it was doing.
server.timeout = hasty === '1' ? 1200 : 0;
server.listen(Number(port), host);
