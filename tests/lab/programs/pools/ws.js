#!/usr/bin/env node
// npm: ws. argv: how it ends, the server's port. Eight WebSockets; client and server are both ws.
const { WebSocket, WebSocketServer } = require('ws');
const [how, port] = [process.argv[2], Number(process.argv[3])];
const COUNT = 8;
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const ended = (socket) => new Promise((done) => socket.on('close', done).on('error', () => {}));

async function client(options) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, options);
  const gone = ended(socket);
  await new Promise((done) => socket.on('open', done));
  socket.send('one');
  await new Promise((done) => socket.once('message', done));
  return { socket, gone };
}

const ends = {
  // Each at the other end of `serve`.
  client_normal: { client: (socket) => socket.close(1000, 'bye') },
  client_cut: { client: (socket) => socket.terminate() },
  server_no_code: { server: (socket) => socket.close() },
  server_cut: { server: (socket) => socket.terminate() },
  server_policy: { server: (socket) => socket.close(1008, 'token expired') },
  // The pattern of ws's README: a ping, and terminate where no pong came before the next.
  heartbeat: {
    options: { autoPong: false },
    server: (socket) => { socket.ping(); return later(700).then(() => socket.terminate()); },
  },
  too_big: { server: () => {}, client: (socket) => socket.send('x'.repeat(5000)) },
};

async function main() {
  const { server: byServer, client: byClient, options } = ends[how];
  const server = new WebSocketServer({ host: '127.0.0.1', port, maxPayload: 4000 });
  await new Promise((done) => server.on('listening', done));
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data) => {
      socket.send(data);
      if (byServer) setTimeout(() => byServer(socket), 300);
    });
  });
  for (let n = 0; n < COUNT; n++) {
    const { socket, gone } = await client(options);
    if (byClient) { await later(300); byClient(socket); }
    await gone;
    await later(30);
  }
  await later(300);
  server.close();
}
main();
