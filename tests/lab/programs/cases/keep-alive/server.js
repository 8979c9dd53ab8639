// node server.js HOST PORT [graceful|considerate]: answers after `?takes=` milliseconds. At /crash it has a bug. With the last
// SIGTERM closes the server and the process ends when all connections have; `considerate` closes those that are idle too, and
// announces the end of the others in their responses.
const http = require('http');
const [host, port, manners] = process.argv.slice(2);
let closing = false;

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://server');
  setTimeout(() => {
    if (pathname === '/crash') throw new Error('a bug');
    if (closing && manners === 'considerate') response.setHeader('Connection', 'close');
    response.end('hi');
  }, Number(searchParams.get('takes') ?? 0));
});
server.listen(Number(port), host);

if (manners) {
  process.on('SIGTERM', () => {
    const began = performance.now();
    server.close(() => {
      console.log(`shutdown took ${((performance.now() - began) / 1000).toFixed(2)} s`);
      process.exit(0);
    });
    closing = true;
    if (manners === 'considerate') server.closeIdleConnections();
  });
}
