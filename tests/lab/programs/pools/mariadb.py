#!/usr/bin/env python3
"""MariaDB, by PyMySQL, MySQL Connector/Python and SQLAlchemy.  mariadb.py PLAY PORT"""
import os, subprocess, sys, time
import pymysql, mysql.connector
from servers import at_once, await_fin, mariadb, race_in_sqlalchemy, wait_for

PLAY, PORT = sys.argv[1], int(sys.argv[2])
WHERE = dict(host="127.0.0.1", port=PORT, user="root")


def connect(**more):
    return pymysql.connect(**WHERE, autocommit=True, **more)


def ask(connection, text="select 1"):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def control(server):
    """Over the Unix socket: no connection of the play's."""
    return pymysql.connect(unix_socket=server.socket, user="root", autocommit=True)


def idle_timeout(count=4):
    with mariadb(PORT, wait_timeout=1):
        def one(number):
            connection = connect()
            for _ in range(2):
                ask(connection)
                time.sleep(0.1 + number * 0.05)
            await_fin(connection._sock.fileno())
            connection._force_close()
        at_once(count, one)


def idle_race(count=4):
    with mariadb(PORT, wait_timeout=1):
        at_once(count, lambda _: race_in_sqlalchemy(
            f"mysql+pymysql://root@127.0.0.1:{PORT}/mysql", lambda connection: connection._sock.fileno(), ("gone away", "Lost", "inactivity")))


def kill_running(count=4):
    with mariadb(PORT) as server:
        def one(number):
            connection = connect()
            ask(connection)
            thread = connection.thread_id()

            def kill():
                other = control(server)
                wait_for("a query of 1 s", lambda: ask(
                    other, f"select count(*) from information_schema.processlist where id = {thread} and time_ms > 1000 and "
                    "info like 'select sleep%'") == ((1,),))
                ask(other, f"kill connection {thread}")
                other.close()

            def wait():
                try:
                    ask(connection, "select sleep(30)")
                    raise SystemExit("the query was answered")
                except pymysql.Error:
                    pass
            at_once(2, lambda which: (kill, wait)[which]())
            connection._force_close()
        at_once(count, one)


def kill_idle(count=4):
    with mariadb(PORT) as server:
        def one(number):
            connection = connect()
            ask(connection)
            time.sleep(0.3)
            other = control(server)
            ask(other, f"kill connection {connection.thread_id()}")
            other.close()
            await_fin(connection._sock.fileno())
            connection._force_close()
        at_once(count, one)


def farewell(count=4):
    with mariadb(PORT):
        def one(number):
            for autocommit in (True, False):
                connection = pymysql.connect(**WHERE, autocommit=autocommit, database="mysql")
                ask(connection, "select user from user")
                time.sleep(0.3)
                connection.close()
            connection = mysql.connector.connect(**WHERE, ssl_disabled=True)
            cursor = connection.cursor(prepared=True)
            cursor.execute("select sleep(%s)", (1,))
            cursor.fetchall()
            cursor.close()
            time.sleep(0.2)
            connection.close()
        at_once(count, one)


def transaction(count=4):
    """A client's process ends, and the server ends others, with a transaction open."""
    with mariadb(PORT, idle_transaction_timeout=1):
        def one(number):
            connection = pymysql.connect(**WHERE, autocommit=False, database="mysql")
            ask(connection, "start transaction")
            ask(connection, "select user from user")
            await_fin(connection._sock.fileno())
            connection._force_close()
        at_once(count, one)


def shutdown(count=4):
    with mariadb(PORT) as server:
        ready = []

        def one(number):
            connection = connect()
            ask(connection)
            ready.append(number)
            if number % 2:
                try:
                    ask(connection, "select sleep(30)")
                except pymysql.Error:
                    pass
            else:
                await_fin(connection._sock.fileno())
            connection._force_close()

        def stop():
            other = control(server)
            wait_for("queries", lambda: ask(
                other, "select count(*) from information_schema.processlist where info like 'select sleep%' and time_ms > 500"
            ) == ((count // 2,),) and len(ready) == count)
            other.close()
            server.terminate()
        at_once(count + 1, lambda number: stop() if number == count else one(number))


def refused(count=4):
    with mariadb(PORT, max_connections=10) as server:
        other = control(server)
        ask(other, "create user someone identified by 'a password'")
        for _ in range(count):
            try:
                pymysql.connect(host="127.0.0.1", port=PORT, user="someone", password="another")
                raise SystemExit("it was let in")
            except pymysql.OperationalError:
                pass
        held = []
        try:
            while len(held) < 20:
                held.append(connect())
            raise SystemExit("it was let in")
        except pymysql.OperationalError as error:
            assert error.args[0] == 1040, error
        for connection in held:
            connection.close()
        other.close()


def gives_up(count=4):
    with mariadb(PORT):
        def one(number):
            program = (f"import pymysql, threading, os; c = pymysql.connect(host='127.0.0.1', port={PORT}, user='root'); "
                       "threading.Timer(1.0, lambda: os._exit(0)).start(); c.cursor().execute('select sleep(5)')")
            subprocess.run([sys.executable, "-c", program], check=True)
        at_once(count, one)


globals()[PLAY]()
