// Uploads whose body pauses: a first chunk at once, more at the moments that the plan names, and the end.
// The plan (JSON): {library, url, uploads, apart_ms, chunks_ms: [[...]...], ends_ms, agent_ms, timeout_ms}. What the
// library said of each upload goes to standard output.
'use strict';
const path = require('node:path');
const { PassThrough } = require('node:stream');

const plan = JSON.parse(process.argv[2]);

function body(chunks) {
  const stream = new PassThrough();
  stream.write('foo');
  const timers = chunks.map((after) => setTimeout(() => stream.write('.'), after));
  timers.push(setTimeout(() => stream.end('bar'), plan.ends_ms));
  stream.on('close', () => timers.forEach(clearTimeout));
  return { stream, stop: () => timers.forEach(clearTimeout) };
}

// What a package brings along itself, as it would find it.
function within(name, inner) {
  const home = path.dirname(require.resolve(`${name}/package.json`));
  return require(require.resolve(inner, { paths: [home] }));
}

function oss(name, urllib) {
  const Client = require(name);
  const options = {
    endpoint: plan.url, cname: true, bucket: 'lab', accessKeyId: 'lab', accessKeySecret: 'lab',
  };
  if (plan.timeout_ms) options.timeout = plan.timeout_ms;
  const Agent = within(name, 'agentkeepalive');
  const agent = new Agent(plan.agent_ms ? { timeout: plan.agent_ms } : {});
  // Told which urllib to use it leaves the agent to that.
  if (urllib) options.urllib = require(urllib).create({ agent });
  else options.agent = agent;
  const client = new Client(options);
  return async (object, stream) => (await client.putStream(object, stream)).res.status;
}

function keepalive() {
  const Agent = require('agentkeepalive');
  const agent = new Agent(plan.agent_ms ? { timeout: plan.agent_ms } : {});
  return (object, stream) => new Promise((resolve, reject) => {
    const request = require('node:http').request(`${plan.url}/${object}`, { method: 'PUT', agent });
    request.on('error', reject);
    request.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
    stream.pipe(request);
  });
}

function urllib4() {
  const { request } = require('urllib');
  const options = { method: 'PUT' };
  if (plan.timeout_ms) options.timeout = plan.timeout_ms;
  return async (object, stream) => (await request(`${plan.url}/${object}`, { ...options, stream })).status;
}

const put = {
  'ali-oss-6-0': () => oss('ali-oss-6-0', 'urllib-2-29'),
  'ali-oss': () => oss('ali-oss'),
  agentkeepalive: keepalive,
  urllib: urllib4,
}[plan.library]();

async function upload(number) {
  const { stream, stop } = body(plan.chunks_ms[number % plan.chunks_ms.length]);
  const began = performance.now();
  let outcome;
  try {
    outcome = await put(`object-${number}`, stream);
  } catch (error) {
    // ali-oss calls it by a name of its own; what Node.js said of it stands before the comma.
    outcome = `${error.code || error.name}: ${error.message.split(/, (?:PUT|please)|\n/)[0]}`;
  }
  stop();
  console.log(`outcome ${outcome}`);
  console.log(`seconds ${((performance.now() - began) / 1000).toFixed(2)}`);
}

for (let number = 0; number < plan.uploads; number++) {
  setTimeout(() => upload(number), number * plan.apart_ms);
}
