// node start.js DIRECTORY HOST PORT: an egg application as it is started in production, with one worker.
const [baseDir, hostname, port] = process.argv.slice(2);

require('egg').startCluster({ baseDir, hostname, port: Number(port), workers: 1 });
