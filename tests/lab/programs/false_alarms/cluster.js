// node cluster.js HOST PORT: the primary accepts and passes each connection to one of two workers.
const cluster = require('cluster');
const http = require('http');
const [host, port] = process.argv.slice(2);
if (cluster.isPrimary) {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.fork();
  cluster.fork();
} else {
  http.createServer((request, response) => response.end('hi')).listen(Number(port), host).keepAliveTimeout = 60000;
}
