// What is done when the server is there. A worker that died is replaced: the file names the one that serves.
const fs = require('fs');
const path = require('path');

module.exports = class Boot {
  constructor(app) {
    this.app = app;
  }

  async serverDidReady() {
    const { server } = this.app;
    @change@
    const { timeout, keepAliveTimeout } = server;
    console.log(`server.timeout ${timeout}, server.keepAliveTimeout ${keepAliveTimeout}`);
    fs.writeFileSync(path.join(this.app.baseDir, 'worker.pid'), String(process.pid));
  }
};
