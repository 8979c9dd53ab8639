#!/usr/bin/env python3
"""HAProxy as a relay before PostgreSQL: its idle timeout.  relay.py PLAY PORT; PostgreSQL has the port behind it"""
import os, socket, sys, time
import psycopg2
import servers
from servers import at_once, await_fin

PLAY, PORT = sys.argv[1], int(sys.argv[2])
CONFIG = """defaults
 mode tcp
 timeout client 1s
 timeout server 1s
 timeout connect 1s
listen relay
 bind 127.0.0.1:{port}
 server one 127.0.0.1:{behind}
"""


def connect(port=PORT):
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", sslmode="disable",
                                  gssencmode="disable")
    connection.autocommit = True
    return connection


def ask(connection, what="select 1"):
    with connection.cursor() as cursor:
        cursor.execute(what)
        return cursor.fetchall()


def stale_query(number):
    """The pool does not look at the connection before it asks."""
    connection = connect()
    ask(connection)
    await_fin(connection.fileno())
    # Longer than a close without late requests waits for one.
    time.sleep(0.3 + 0.1 * number)
    try:
        ask(connection)
        raise SystemExit("the query was answered")
    except psycopg2.OperationalError:
        connection.close()


def client_leaves(number):
    """The relay passes the client's FIN on, and gives the query up a second later."""
    connection = connect()
    ask(connection)
    query = b"select pg_sleep(3)\0"
    with socket.socket(fileno=os.dup(connection.fileno())) as one:
        one.sendall(b"Q" + (len(query) + 4).to_bytes(4, "big") + query)
        time.sleep(0.2)
        one.shutdown(socket.SHUT_RDWR)
    time.sleep(2)


with servers.postgresql(PORT + 1), servers.directory() as home:
    with open(f"{home}/haproxy.cfg", "w") as file:
        file.write(CONFIG.format(port=PORT, behind=PORT + 1))
    with servers.process("haproxy", "-db", "-f", f"{home}/haproxy.cfg", port=PORT):
        at_once(4, globals()[PLAY])
