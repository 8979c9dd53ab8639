#!/usr/bin/env node
// npm: @grpc/grpc-js. argv: how the server ends its connections, its port. Eight channels with a call answered on each, then idle;
// where age ends them, idle for different times.
const grpc = require('grpc-js');
const [how, port] = [process.argv[2], process.argv[3]];
const options = {
  max_idle: { 'grpc.max_connection_idle_ms': 1200 },
  max_age: { 'grpc.max_connection_age_ms': 1500, 'grpc.max_connection_age_grace_ms': 1000 },
}[how];
const bytes = (value) => value;
const service = {
  ask: { path: '/s/Ask', requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes,
    responseSerialize: bytes, responseDeserialize: bytes },
};
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const server = new grpc.Server(options);
server.addService(service, { ask: (call, answer) => answer(null, Buffer.from('ok')) });
server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), async () => {
  const Client = grpc.makeGenericClientConstructor(service, 's');
  const clients = [];
  for (let n = 0; n < 8; n++) {
    const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    clients.push(client);
    const ask = () => new Promise((done) => client.ask(Buffer.from('x'), done));
    await ask();
    if (how === 'max_age') later(n * 130).then(ask);
    await later(110);
  }
  await later(5000);
  clients.forEach((client) => client.close());
  await later(300);
  server.forceShutdown();
});
