#!/usr/bin/env python3
"""Pools that use connections which the server of the database has closed.  pools.py PLAY PORT"""
import json, os, re, subprocess, sys, tempfile, time
# Not the folder of this file: it has a platform.py.
sys.path[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pools")
import servers

PLAY, PORT = sys.argv[1], int(sys.argv[2])
ADVICE = json.loads(os.environ.get("ADVICE", "null"))


def advised(side, setting):
    """The number in the advice's value, where it is this that is to be changed."""
    if not ADVICE or (ADVICE["side"], ADVICE["setting"]) != (side, setting):
        return None
    return re.search(r"\d+", ADVICE["value"].replace(setting, "")).group()


def hikari():
    """HikariCP as it comes, but for its size; it tries each connection before it hands it out, and each try is lost."""
    import java
    limit = advised("server", "idle_session_timeout") or "12"
    with servers.postgresql(PORT, idle_session_timeout=f"'{limit}s'"):
        lost, tried = java.pool(java.url(PORT, "postgresql"), 4, [500, 800, 13500, 600, 13000])
    print("lost", lost + tried)


IOREDIS = """
const Redis = require('ioredis'), wait = ms => new Promise(done => setTimeout(done, ms));
let lost = 0;
async function one(number) {
  const client = new Redis({ port: Number(process.argv[2]), maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  const ask = () => client.get('a').catch(() => { lost++; });
  await wait(number * 130);
  await ask();
  for (const gap of [500, 4600, 900, 4800, 4500, 600, 4700]) {
    // What this process computes keeps it from seeing that the server has closed.
    await wait(gap * 0.2);
    for (const until = Date.now() + gap * 0.8; Date.now() < until;);
    await ask();
  }
  await wait(300);
  client.disconnect();
}
one(Number(process.argv[3])).then(() => console.log('lost', lost));
"""


def ioredis():
    """Processes that compute for seconds between two commands."""
    limit = advised("server", "timeout") or "3"
    with servers.redis(PORT, "--timeout", limit), tempfile.TemporaryDirectory() as home:
        with open(f"{home}/app.js", "w") as file:
            file.write(IOREDIS)
        with open(f"{home}/package.json", "w") as file:
            json.dump({"dependencies": {"ioredis": "*"}}, file)
        lost = []

        def one(number):
            told = subprocess.run(["node", f"{home}/app.js", str(PORT), str(number)], stdout=subprocess.PIPE, text=True, check=True)
            lost.append(int(told.stdout.split()[-1]))
        servers.at_once(4, one)
    print("lost", sum(lost))


def sqlalchemy():
    """SQLAlchemy's pool as it comes: nothing says how long a connection is kept."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError
    recycle = advised("client", "pool_recycle")
    options = {"pool_recycle": int(recycle)} if recycle else {}
    limit = advised("server", "wait_timeout") or "4"
    lost = []
    with servers.mariadb(PORT, wait_timeout=limit):
        def one(number):
            engine = create_engine(f"mysql+pymysql://root@127.0.0.1:{PORT}/mysql", pool_size=1, **options)

            def ask():
                with engine.connect() as connection:
                    connection.execute(text("select 1")).fetchall()
            ask()
            for gap in (0.5, 5.2, 0.8, 5.6, 1.1):
                time.sleep(gap + number * 0.05)
                try:
                    ask()
                except DBAPIError:
                    lost.append(number)
            time.sleep(0.3)
            engine.dispose()
        servers.at_once(4, one)
    print("lost", len(lost))


globals()[PLAY]()
