// node asks.js URL on|off AT_ONCE ROUNDS PAUSE_MS: so many requests at once, round after round, by an agent with keepAlive
// on or off. What came of each is printed.
const http = require('http');
const [url, keepAlive, atOnce, rounds, pause] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: keepAlive === 'on' });

const ask = () => new Promise((done) => {
  const request = http.get(url, { agent }, (response) => {
    response.on('end', () => done(response.statusCode)).on('error', (error) => done(error.code)).resume();
  });
  request.on('error', (error) => done(error.code));
});

async function play() {
  for (let round = 0; round < Number(rounds); round += 1) {
    const all = await Promise.all(Array.from({ length: Number(atOnce) }, ask));
    for (const came of all) console.log(`outcome ${came}`);
    await new Promise((done) => setTimeout(done, Number(pause)));
  }
  process.exit(0);
}

play();
