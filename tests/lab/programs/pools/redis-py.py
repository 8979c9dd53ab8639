#!/usr/bin/env python3
"""Redis, by redis-py.  redis-py.py PLAY PORT"""
import subprocess, sys, time
import redis
import servers
from servers import at_once, await_fin, wait_for

PLAY, PORT = sys.argv[1], int(sys.argv[2])


def connect():
    connection = redis.Connection(host="127.0.0.1", port=PORT, protocol=2)
    connection.connect()
    return connection


def ask(connection, *words):
    connection.send_command(*words)
    return connection.read_response()


def control(server):
    """Over the Unix socket: no connection of the play's."""
    return redis.Redis(unix_socket_path=server.socket)


def descriptor(connection):
    return connection._sock.fileno()


def idle_timeout(count=4):
    with servers.redis(PORT, "--timeout", "2"):
        def one(number):
            connection = connect()
            for _ in range(2):
                ask(connection, "GET", "a")
                time.sleep(0.1 + number * 0.05)
            await_fin(descriptor(connection))
            connection.disconnect()
        at_once(count, one)


def idle_race(count=4):
    with servers.redis(PORT, "--timeout", "1"):
        def one(number):
            connection = connect()
            ask(connection, "GET", "a")
            await_fin(descriptor(connection))
            try:
                # As a pool does that does not look: the server's FIN is there.
                connection._sock.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
                assert connection._sock.recv(99) == b""
            except ConnectionError:
                pass
            connection.disconnect()
        at_once(count, one)


def kill_blocked_behind_another(count=4):
    """Two commands at once, of which the first is answered and the second waits."""
    with servers.redis(PORT) as server:
        def one(number):
            connection = connect()
            connection._sock.sendall(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n")
            assert connection.read_response() is None
            await_fin(descriptor(connection))
            connection.disconnect()

        def kill():
            wait_for("all", lambda: len([client for client in control(server).client_list() if client["cmd"] == "blpop"]) == count)
            time.sleep(0.3)
            control(server).execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        at_once(count + 1, lambda number: kill() if number == count else one(number))


def kill_blocked(count=4):
    """A client waits for an item that never comes, and its connection is ended by another's command."""
    with servers.redis(PORT) as server:
        def one(number):
            connection = connect()
            ask(connection, "GET", "a")
            mine = ask(connection, "CLIENT", "ID")
            connection.send_command("BLPOP", f"queue{number}", 0)
            with control(server) as other:
                wait_for("a client that waits", lambda: any(
                    client["id"] == str(mine) and int(client["idle"]) >= 1 for client in other.client_list()))
                other.execute_command("CLIENT", "KILL", "ID", mine)
            await_fin(descriptor(connection))
            connection.disconnect()
        at_once(count, one)


def kill_queueing(count=4):
    """What was queued behind MULTI is lost."""
    with servers.redis(PORT) as server:
        def one(number):
            connection = connect()
            mine = ask(connection, "CLIENT", "ID")
            ask(connection, "MULTI")
            if number % 2:
                assert ask(connection, "SET", "a", 1) == b"QUEUED"
            time.sleep(0.3)
            with control(server) as other:
                other.execute_command("CLIENT", "KILL", "ID", mine)
            await_fin(descriptor(connection))
            connection.disconnect()
        at_once(count, one)


def subscribe(count=4):
    """Messages that are pushed; half of the clients say QUIT, the others' connections are ended by the server."""
    with servers.redis(PORT) as server:
        def one(number):
            connection = connect()
            mine = ask(connection, "CLIENT", "ID")
            ask(connection, "SUBSCRIBE", "news")
            with control(server) as other:
                for _ in range(3):
                    time.sleep(0.15)
                    other.publish("news", "something")
                time.sleep(0.3)
                if number % 2:
                    connection.send_command("QUIT")
                    await_fin(descriptor(connection))
                else:
                    other.execute_command("CLIENT", "KILL", "ID", mine)
                    await_fin(descriptor(connection))
            connection.disconnect()
        at_once(count, one)


def farewell(count=4):
    with servers.redis(PORT):
        def one(number):
            connection = connect()
            ask(connection, "GET", "a")
            time.sleep(0.3)
            if number % 2:
                connection.send_command("QUIT")
                await_fin(descriptor(connection))
            connection.disconnect()
        at_once(count, one)


def refused(count=4):
    with servers.redis(PORT, "--maxclients", "2"):
        held = [connect() for _ in range(2)]
        for _ in range(count):
            try:
                ask(connect(), "GET", "a")
                raise SystemExit("it was let in")
            except redis.exceptions.RedisError:
                pass
        for connection in held:
            connection.disconnect()


globals()[PLAY]()
