// node server.js HOST PORT [KEEP_ALIVE_MS]: without the last, all is as Node has it.
const http = require('http');
const [host, port, keepAlive] = process.argv.slice(2);

const server = http.createServer((request, response) => response.end('hi'));
if (keepAlive) server.keepAliveTimeout = Number(keepAlive);
server.listen(Number(port), host);
