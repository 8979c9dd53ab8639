// node visitors.js URL ROUNDS PAUSE_MS...: one visitor for each pause, all of them in each round. A visitor posts, pauses
// and posts again, each time on a connection of its own. What comes of each second post is printed. At the end each
// posts once more, and these take longer and longer: so the connections behind fall idle one after another.
const http = require('http');
const [url, rounds, ...pauses] = process.argv.slice(2);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const post = (more = '') => new Promise((done) => {
  const request = http.request(url + more, { method: 'POST', agent: false }, (response) => {
    response.on('end', () => done(response.statusCode)).on('error', (error) => done(error.code)).resume();
  });
  request.on('error', (error) => done(error.code)).end('{"item":1}');
});

async function visit() {
  for (let round = 0; round < Number(rounds); round += 1) {
    await Promise.all(pauses.map(() => post()));
    await Promise.all(pauses.map(async (ms) => {
      await pause(Number(ms));
      console.log(`outcome ${await post()}`);
    }));
    await pause(1000);
  }
  await Promise.all(pauses.map((_, number) => post(`?takes=${300 + 250 * number}`)));
}

visit();
