// node server.js FRAMEWORK HOST PORT HASTY: `http`, `express` or `fastify`. Targets: see README.md.
const http = require('http');
const [framework, host, port, hasty] = process.argv.slice(2);

const options = hasty === '1'
  ? { headersTimeout: 2000, requestTimeout: 2000, connectionsCheckingInterval: 100, keepAliveTimeout: 2000 }
  : { headersTimeout: 120000, requestTimeout: 120000, keepAliveTimeout: 120000 };

function settle(server) {
  // Ends a socket on which nothing moves, whatever it was doing.
  server.timeout = hasty === '1' ? 2500 : 0;
  server.keepAliveTimeout = options.keepAliveTimeout;
  process.on('SIGTERM', () => server.close(() => process.exit(0)));
}

function answer(request, response) {
  const [, what, ms] = request.url.split('?')[0].split('/');
  let size = 0;
  request.on('data', (bytes) => { size += bytes.length; });
  request.on('end', () => {
    switch (what) {
      case 'wait': setTimeout(() => say(response, 'hi'), Number(ms)); break;
      case 'drip':
        response.writeHead(200, { 'Content-Length': 1000 });
        response.write('x'.repeat(500));
        setTimeout(() => response.end('x'.repeat(500)), Number(ms));
        break;
      case 'read': say(response, String(size)); break;
      case 'last':
        response.setHeader('Connection', 'close');
        say(response, 'hi');
        break;
      default: say(response, 'hi');
    }
  });
}

function say(response, text) {
  response.setHeader('Content-Length', text.length);
  response.end(text);
}

const create = {
  http() {
    const server = http.createServer(options, answer);
    settle(server);
    server.listen(Number(port), host, 1024);
  },
  express() {
    const server = http.createServer(options, require('express')().use(answer));
    settle(server);
    server.listen(Number(port), host, 1024);
  },
  fastify() {
    const app = require('fastify')({ serverFactory: (handler) => http.createServer(options, handler) });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (request, payload, done) => done(null));
    app.all('*', (request, reply) => {
      reply.hijack();
      answer(request.raw, reply.raw);
    });
    settle(app.server);
    app.listen({ port: Number(port), host, backlog: 1024 });
  },
};
create[framework]();
