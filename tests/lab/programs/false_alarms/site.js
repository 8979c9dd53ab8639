// node site.js HOST PORT OTHER: pages that open connections to OTHER (host:port) or leave it.
const http = require('http');
const [host, port, other] = process.argv.slice(2);
const pages = {
  // Loaded when the slow picture is: until then the connections stay open.
  '/preconnects': `<link rel="preconnect" href="http://${other}"><link rel="preconnect" crossorigin href="http://${other}">
    <p>hello</p><img src="/slow">`,
  '/leaves': `<p>going</p><img src="http://${other}/wait/20000"><script>
    setTimeout(() => { location = '/left'; }, 700);</script>`,
  '/left': '<p>hello</p>',
};
http.createServer((request, response) => {
  if (request.url === '/slow') return setTimeout(() => response.end(), 2000);
  const page = pages[request.url];
  response.writeHead(page ? 200 : 404, { 'Content-Type': 'text/html' });
  return response.end(page && `<!doctype html>${page}`);
}).listen(Number(port), host).keepAliveTimeout = 60000;
