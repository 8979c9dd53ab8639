// node pool.js URL: three requests at a time apart, over a pool that closes connections which were idle for a second.
const http = require('http');
const agent = new http.Agent({ keepAlive: true, timeout: 1000 });
const get = () => new Promise((done, fail) => {
  http.get(process.argv[2], { agent }, (response) => {
    response.resume();
    response.on('end', done);
  }).on('error', fail);
});
(async () => {
  for (let round = 0; round < 3; round += 1) {
    await get();
    // Until the pool has closed it.
    await new Promise((done) => setTimeout(done, 1600));
  }
})().catch((error) => { console.error(error); process.exit(1); });
