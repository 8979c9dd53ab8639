// Orders take a moment, 300 ms unless they ask for more; some end the process, and some wait for somebody who does.
const moment = (ms) => new Promise((done) => setTimeout(done, ms));

module.exports = ({ router }) => {
  router.post('/orders', async (ctx) => {
    await moment(Number(ctx.query.takes ?? 300));
    ctx.body = { ok: true };
  });
  router.post('/orders/exit', async () => {
    await moment(100);
    process.exit(3);
  });
  router.post('/orders/wait', async (ctx) => {
    await moment(30_000);
    ctx.body = { ok: true };
  });
};
