// node server.js HOST PORT [NAME=VALUE]...: numbers of the server, such as keepAliveTimeout=1000.
const http = require('http');
const [host, port, ...options] = process.argv.slice(2);
const settings = Object.fromEntries(options.map((option) => option.split('=')).map(([name, value]) => [name, Number(value)]));
const { connectionsCheckingInterval } = settings;

const server = http.createServer(connectionsCheckingInterval ? { connectionsCheckingInterval } : {}, (request, response) => {
  const target = request.url;
  if (target === '/die') return process.exit(3);
  const cut = /^\/cut(-chunks)?\/(\d+)/.exec(target);
  if (cut) {
    if (!cut[1]) response.writeHead(200, { 'Content-Length': 1000 });
    response.write('some of it');
    return setTimeout(() => response.destroy(), Number(cut[2]));
  }
  if (target === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    const timer = setInterval(() => response.write('data: tick\n\n'), 100);
    return response.on('close', () => clearInterval(timer));
  }
  if (target === '/to-the-end') {
    response.useChunkedEncodingByDefault = false;
    response.setHeader('Connection', 'close');
    response.write('a body that ends ');
    return setTimeout(() => response.end('with its connection'), 100);
  }
  if (target === '/refuse') {
    // Before the body was read.
    response.writeHead(401, { 'Content-Length': 2, Connection: 'close' });
    return response.end('no');
  }
  const wait = /^\/wait\/(\d+)/.exec(target);
  const answer = () => response.end('hi');
  request.resume();
  request.on('end', () => (wait ? setTimeout(answer, Number(wait[1])) : answer()));
});
server.keepAliveTimeout = 60000;
for (const [name, value] of Object.entries(settings)) server[name] = value;
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(Number(port), host);
