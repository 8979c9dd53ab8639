// node pool.js LIBRARY AT_ONCE ROUNDS GAP_MS URL...: so many requests at once, again after a gap, and then nothing more.
const [library, atOnce, rounds, gap, ...urls] = process.argv.slice(2);

const get = {
  // As `http.get` does without an agent of its own.
  http: () => {
    const http = require('http');
    return (url) => new Promise((done, failed) => {
      http.get(url, (response) => response.on('end', done).on('error', failed).resume()).on('error', failed);
    });
  },
  axios: () => {
    const { default: axios } = require('axios');
    return (url) => axios.get(url, { proxy: false });
  },
  undici: () => {
    const { request } = require('undici');
    return async (url) => (await request(url)).body.text();
  },
}[library]();

async function play() {
  for (let round = 0; round < Number(rounds); round += 1) {
    if (round > 0) await new Promise((done) => setTimeout(done, Number(gap)));
    const all = urls.flatMap((url) => Array.from({ length: Number(atOnce) }, () => get(url)));
    for (const { reason } of await Promise.allSettled(all)) if (reason) console.log(String(reason));
  }
}

play();
// A process that only waits stays.
setInterval(() => {}, 1000);
