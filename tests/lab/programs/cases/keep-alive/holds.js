// node holds.js URL IDLE PATH: keeps so many idle connections, which fell idle one after another, and on one more asks for
// the path. It never closes; it ends when the server has closed them all.
const http = require('http');
const [url, idle, path] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });

const ask = (path) => new Promise((done) => {
  const request = http.get(url + path, { agent }, (response) => {
    response.on('end', () => done(response.statusCode)).on('error', (error) => done(error.code)).resume();
  });
  request.on('error', (error) => done(error.code));
});

async function play() {
  await Promise.all(Array.from({ length: Number(idle) + 1 }, (_, number) => ask(`/?takes=${100 * number}`)));
  if (path) {
    setTimeout(() => console.log('asked'), 300);
    console.log(`outcome ${await ask(path)}`);
  } else {
    console.log('asked');
  }
}

play();
// Idle sockets alone do not keep the process alive.
setTimeout(() => {}, 3_600_000);
