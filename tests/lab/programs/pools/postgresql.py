#!/usr/bin/env python3
"""PostgreSQL, by psycopg, psycopg2, SQLAlchemy and psycopg_pool.  postgresql.py PLAY PORT"""
import os, socket, subprocess, sys, time
import psycopg, psycopg2
from servers import at_once, await_fin, leave_or_wait, postgresql, race_in_sqlalchemy, wait_for

PLAY, PORT = sys.argv[1], int(sys.argv[2])
WHERE = dict(host="127.0.0.1", port=PORT, user="postgres", dbname="postgres")


def connect():
    return psycopg.connect(**WHERE, autocommit=True)


def control(server):
    """Over the Unix socket: no connection of the play's."""
    return psycopg.connect(host=server.socket, port=PORT, user="postgres", dbname="postgres", autocommit=True)


def idle_timeout(count=4):
    with postgresql(PORT, idle_session_timeout="'1s'"):
        def one(number):
            connection = connect()
            for _ in range(2):
                connection.execute("select 1").fetchall()
                time.sleep(0.1 + number * 0.05)
            await_fin(connection.fileno())
            connection.close()
        at_once(count, one)


def idle_race(count=4):
    with postgresql(PORT, idle_session_timeout="'1s'"):
        at_once(count, lambda _: race_in_sqlalchemy(
            f"postgresql+psycopg2://postgres@127.0.0.1:{PORT}/postgres", lambda connection: connection.fileno(), ("idle", "closed")))


def short_race(count=4):
    """The shortest query there is, after the FIN."""
    with postgresql(PORT, idle_session_timeout="'1s'"):
        def one(number):
            connection = psycopg2.connect(**WHERE)
            connection.autocommit = True
            connection.cursor().execute("select 1")
            await_fin(connection.fileno())
            try:
                connection.cursor().execute(";")
                raise SystemExit("the query was answered")
            except psycopg2.Error:
                pass
            connection.close()
        at_once(count, one)


def kill_running(count=4):
    with postgresql(PORT) as server:
        def one(number):
            connection = connect()
            connection.execute("select 1").fetchall()
            pid = connection.info.backend_pid

            def kill(_):
                with control(server) as other:
                    running = lambda: other.execute("select now() - query_start > interval '1 s' from pg_stat_activity where "
                                                    "pid = %s and state = 'active'", [pid]).fetchone() == (True,)
                    wait_for("a query of 1 s", running)
                    other.execute("select pg_terminate_backend(%s)", [pid])

            def ask(_):
                try:
                    connection.execute("select pg_sleep(30)")
                    raise SystemExit("the query was answered")
                except psycopg.errors.AdminShutdown:
                    pass
            at_once(2, lambda which: (kill, ask)[which](which))
            connection.close()
        at_once(count, one)


def kill_idle(count=4):
    with postgresql(PORT) as server:
        def one(number):
            connection = connect()
            connection.execute("select 1").fetchall()
            time.sleep(0.3)
            with control(server) as other:
                other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
            await_fin(connection.fileno())
            connection.close()
        at_once(count, one)


def idle_transaction(count=4):
    with postgresql(PORT, idle_in_transaction_session_timeout="'1s'"):
        def one(number):
            connection = psycopg.connect(**WHERE)
            connection.execute("create temporary table t (a int)")
            connection.execute("insert into t values (1)")
            await_fin(connection.fileno())
            connection.close()
        at_once(count, one)


def farewell(count=4):
    with postgresql(PORT):
        def one(number):
            for autocommit in (True, False):
                connection = psycopg.connect(**WHERE, autocommit=autocommit)
                connection.execute("select 1").fetchall()
                time.sleep(0.3)
                connection.close()
            connection = psycopg2.connect(**WHERE)
            connection.cursor().execute("select pg_sleep(1)")
            connection.close()
        at_once(count, one)


def shutdown(count=4):
    """Half are idle, half wait for an answer."""
    with postgresql(PORT) as server:
        all_ready = []

        def one(number):
            connection = connect()
            connection.execute("select 1").fetchall()
            all_ready.append(number)
            if number % 2:
                try:
                    connection.execute("select pg_sleep(30)")
                except psycopg.Error:
                    pass
            else:
                await_fin(connection.fileno())
            connection.close()

        def stop():
            with control(server) as other:
                wait_for("queries", lambda: other.execute(
                    "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active' and "
                    "now() - query_start > interval '0.5 s'").fetchone()[0] == count // 2)
            wait_for("all", lambda: len(all_ready) == count)
            server.stop("fast")
        at_once(count + 1, lambda number: stop() if number == count else one(number))


def crash(count=4):
    """One backend is killed: all others end, too."""
    with postgresql(PORT) as server:
        ready = []

        def one(number):
            connection = connect()
            connection.execute("select 1").fetchall()
            ready.append(connection.info.backend_pid)
            await_fin(connection.fileno())
            connection.close()

        def kill():
            wait_for("all", lambda: len(ready) == count)
            time.sleep(0.3)
            os.kill(ready[0], 9)
        at_once(count + 1, lambda number: kill() if number == count else one(number))


def notify(count=4):
    """Clients that listen get what another says, and take leave; or are ended."""
    with postgresql(PORT) as server:
        def one(number):
            connection = connect()
            connection.execute("listen news")
            with control(server) as other:
                for _ in range(3):
                    time.sleep(0.2)
                    other.execute("notify news, 'something'")
            # What it says is left unread by whoever only waits.
            list(connection.notifies(timeout=0.5))
            if number % 2:
                connection.close()
            else:
                with control(server) as other:
                    other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
                await_fin(connection.fileno())
                connection.close()
        at_once(count, one)


def notice(count=4):
    """A function says something and goes on: a client that leaves then, or is ended, has no answer."""
    with postgresql(PORT) as server:
        def one(number):
            connection = psycopg2.connect(**WHERE, sslmode="disable", gssencmode="disable")
            connection.autocommit = True
            connection.cursor().execute("select 1")
            words = b"do $$ begin raise notice 'at work'; perform pg_sleep(9); end $$\0"
            with socket.socket(fileno=os.dup(connection.fileno())) as raw:
                raw.setblocking(True)
                raw.sendall(b"Q" + (len(words) + 4).to_bytes(4, "big") + words)
                assert raw.recv(4096).startswith(b"N")
                time.sleep(0.3)
                raw.shutdown(socket.SHUT_RDWR)
        at_once(count, one)
        time.sleep(0.3)
        server.stop("immediate")


def closes_behind_the_words(count=4):
    """A client that closes as soon as it has read why the server ends it, as node-postgres does."""
    with postgresql(PORT, idle_session_timeout="1s"):
        def one(number):
            connection = psycopg2.connect(**WHERE, sslmode="disable", gssencmode="disable")
            connection.autocommit = True
            for _ in range(2):
                connection.cursor().execute("select 1")
                time.sleep(0.1 + number * 0.15)
            with socket.socket(fileno=os.dup(connection.fileno())) as raw:
                raw.setblocking(True)
                assert b"57P05" in raw.recv(4096)
                raw.shutdown(socket.SHUT_RDWR)
                time.sleep(0.1)
        at_once(count, one)


def refused(count=4):
    """A password that is wrong, a database that is none, and no place left."""
    with postgresql(PORT, max_connections=5, superuser_reserved_connections=0):
        for who in (dict(user="denied", password="x"), dict(dbname="none")):
            try:
                psycopg.connect(**(WHERE | who))
                raise SystemExit("it was let in")
            except psycopg.OperationalError:
                pass
        held = [connect() for _ in range(5)]
        try:
            connect()
            raise SystemExit("it was let in")
        except psycopg.OperationalError:
            pass
        for connection in held:
            connection.close()


def gives_up(count=4):
    """A client's process ends in the midst of a query."""
    with postgresql(PORT):
        def one(number):
            program = (f"import psycopg, threading, os, time; c = psycopg.connect(host='127.0.0.1', port={PORT}, user='postgres', "
                       "dbname='postgres'); threading.Timer(1.0, lambda: os._exit(0)).start(); c.execute('select pg_sleep(5)')")
            subprocess.run([sys.executable, "-c", program], check=True)
        at_once(count, one)


def cancel(count=4):
    """A query is cancelled over a connection of its own, which nothing answers."""
    import threading
    with postgresql(PORT):
        def one(number):
            connection = psycopg2.connect(**WHERE)
            threading.Timer(0.5, connection.cancel).start()
            try:
                connection.cursor().execute("select pg_sleep(30)")
            except psycopg2.errors.QueryCanceled:
                pass
            time.sleep(0.2)
            connection.close()
        at_once(count, one)


def answer_cut(count=4):
    """Ended in the midst of a long answer."""
    with postgresql(PORT) as server:
        def one(number):
            connection = connect()
            cursor = connection.cursor()
            try:
                for done, _ in enumerate(cursor.stream("select repeat('x', 1000) from generate_series(1, 3000000)")):
                    if done == 1000:
                        with control(server) as other:
                            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
                raise SystemExit("all was answered")
            except psycopg.Error:
                pass
            connection.close()
        at_once(count, one)


def tls(count=4):
    with postgresql(PORT, tls=True, idle_session_timeout="'1s'"):
        def one(number):
            connection = psycopg2.connect(**WHERE, sslmode="require")
            connection.autocommit = True
            connection.cursor().execute("select 1")
            if number % 2:
                time.sleep(0.3)
            else:
                await_fin(connection.fileno())
            connection.close()
        at_once(count, one)


def pool(count=4):
    """psycopg_pool closes what was idle for long."""
    from psycopg_pool import ConnectionPool
    with postgresql(PORT):
        where = f"host=127.0.0.1 port={PORT} user=postgres dbname=postgres"
        with ConnectionPool(where, min_size=0, max_size=count, max_idle=1.0, open=True) as connections:
            def one(number):
                with connections.connection() as connection:
                    connection.execute("select pg_sleep(0.2)")
            at_once(count, one)
            wait_for("the pool to be empty", lambda: connections.get_stats().get("pool_size", 0) == 0)


globals()[PLAY]()
