// node client.js LIBRARY PLAN: see PLAN.md. LIBRARY: http, agentkeepalive, axios, got, undici.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const { performance } = require('node:perf_hooks');
const { Readable } = require('node:stream');
const { pathToFileURL } = require('node:url');

const [library, planFile] = process.argv.slice(2);
const PATIENCE = 600_000;
const MISSING = 100_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// So many bytes, and then neither more nor an end.
function stalling(bytes) {
  const body = new Readable({ read() {} });
  body.on('error', () => {});
  body.push(Buffer.alloc(bytes, 'x'));
  return body;
}

function request(body, bytes) {
  return body ? { method: 'POST', headers: { 'Content-Length': bytes + MISSING } } : { method: 'GET' };
}

// Without a library: Node's own client, on whichever agent.
function plain(url, agent, limit, body, bytes, answer) {
  return new Promise((resolve, reject) => {
    const made = http.request(url, { ...request(body, bytes), agent }, (response) => {
      answer.status = response.statusCode;
      response.on('error', reject).on('end', resolve).resume();
    });
    made.on('error', reject);
    const timer = setTimeout(() => made.destroy(Object.assign(new Error('timed out'), { name: 'TimeoutError' })), limit);
    made.on('close', () => clearTimeout(timer));
    if (body) body.pipe(made); else made.end();
  });
}

// Every library but undici asks through an agent.
function withAgent(ask, NewAgent = http.Agent, more = () => ({})) {
  return ({ url, idle_limit_ms: idle, request_timeout_ms: limit }) => {
    const self = { port: null };
    const renew = () => {
      self.agent = new NewAgent({ keepAlive: true, maxSockets: 1, ...(idle ? { timeout: idle } : {}), ...more(idle, limit) });
      const connect = self.agent.createConnection;
      self.agent.createConnection = function (...options) {
        const socket = connect.apply(this, options);
        return socket.once('connect', () => { self.port = socket.localPort; });
      };
    };
    renew();
    self.ask = (path, body, bytes, answer) => ask(url + path, self.agent, limit ?? PATIENCE, body, bytes, answer);
    self.close = () => { self.agent.destroy(); renew(); };
    return self;
  };
}

function withUndici({ buildConnector, Pool }) {
  return ({ url, idle_limit_ms: idle, request_timeout_ms: limit }) => {
    const self = { port: null };
    const connector = buildConnector({});
    const connect = (options, done) => connector(options, (error, socket) => {
      if (socket) self.port = socket.localPort;
      done(error, socket);
    });
    const times = { keepAliveTimeout: idle ?? PATIENCE, keepAliveMaxTimeout: idle ?? PATIENCE, headersTimeout: 0, bodyTimeout: 0 };
    const renew = () => { self.pool = new Pool(url, { connections: 1, connect, ...times }); };
    renew();
    self.ask = async (path, body, bytes, answer) => {
      const signal = AbortSignal.timeout(limit ?? PATIENCE);
      const response = await self.pool.request({ path, ...request(body, bytes), body, signal });
      answer.status = response.statusCode;
      await response.body.arrayBuffer();
    };
    self.close = async () => { await self.pool.close(); renew(); };
    return self;
  };
}

async function load() {
  switch (library) {
    case 'http': return withAgent(plain);
    case 'agentkeepalive': {
      const times = (idle, limit) => ({ freeSocketTimeout: idle ?? PATIENCE, timeout: limit ?? 2 * PATIENCE });
      return withAgent((...all) => plain(...all.with(2, 2 * PATIENCE)), require('agentkeepalive'), times);
    }
    case 'axios': {
      const { default: axios } = await import(pathToFileURL(require.resolve('axios')));
      return withAgent(async (url, httpAgent, timeout, data, bytes, answer) => {
        const options = { httpAgent, timeout, data, maxRedirects: 0, validateStatus: null, proxy: false };
        answer.status = (await axios(url, { ...request(data, bytes), ...options })).status;
      });
    }
    case 'got': {
      const { default: got } = await import(pathToFileURL(require.resolve('got')));
      return withAgent(async (url, agent, limit, body, bytes, answer) => {
        const options = { agent: { http: agent }, timeout: { request: limit }, body, retry: { limit: 0 }, throwHttpErrors: false };
        answer.status = (await got(url, { ...request(body, bytes), ...options })).statusCode;
      });
    }
    case 'undici': return withUndici(require('undici'));
    default: throw new Error(`no library is called ${library}`);
  }
}

const isTimeOut = ({ name, code }) => name === 'TimeoutError' || code === 'ERR_SOCKET_TIMEOUT' || code === 'ECONNABORTED';

async function converse(conversation, client, say) {
  for (const [step, what] of conversation.steps.entries()) {
    const begin = performance.now();
    const [word, first, second] = what.split(' ');
    const answer = { outcome: 'done', status: null, error: null };
    const isRequest = word === 'get' || word === 'post-stall';
    try {
      if (word === 'get') await client.ask(first, undefined, 0, answer);
      else if (word === 'post-stall') await client.ask(first, stalling(Number(second)), Number(second), answer);
      else if (word === 'close') await client.close();
      else if (word === 'sleep' || word === 'hold') await sleep(Number(first));
      else throw new Error(`no step is called ${what}`);
    } catch (error) {
      answer.outcome = isTimeOut(error) ? 'timed-out' : 'failed';
      answer.error = `${error.code ?? error.name}: ${error.message}`;
    }
    say({ id: conversation.id, step, what, ...answer, begin, end: performance.now(), local_port: isRequest ? client.port : null });
  }
}

async function main() {
  const plan = fs.readFileSync(planFile, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const make = await load();
  const clients = plan.map(make);
  const [unix, started] = [Date.now() / 1000, performance.now()];
  const since = (at) => Number(((at - started) / 1000).toFixed(6));
  // Written at once, whatever it goes to.
  const write = (line) => fs.writeSync(1, `${JSON.stringify(line)}\n`);
  write({ started: unix });
  const say = (line) => write({ ...line, begin: since(line.begin), end: since(line.end) });
  const all = [];
  for (const [number, conversation] of plan.entries()) {
    all.push(converse(conversation, clients[number], say));
    // The first calls of a library take long: not all of them between a connection and its request.
    await new Promise(setImmediate);
  }
  await Promise.all(all);
  process.exit(0);
}

main();
