#!/usr/bin/env python3
"""Memcached by pymemcache, vsftpd by ftplib, pgbouncer by psycopg.  others.py PLAY PORT"""
import sys, time
import servers
from servers import at_once, await_fin

PLAY, PORT = sys.argv[1], int(sys.argv[2])


def memcached(count=4):
    """The server's idle timeout, a farewell, and a client that just goes."""
    from pymemcache.client.base import Client
    with servers.process("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(PORT), "-o", "idle_timeout=2", port=PORT):
        def one(number):
            client = Client(("127.0.0.1", PORT))
            client.set("a", b"something")
            assert client.get("a")
            time.sleep(0.3)
            if number % 4 == 0:
                client.quit()
            elif number % 4 == 1:
                client.close()
            else:
                await_fin(client.sock.fileno())
                client.close()
        at_once(count, one)


def memcached_noreply(count=4, key="a"):
    """Nobody waits for an answer: what the library does with `set` by default."""
    from pymemcache.client.base import Client
    with servers.process("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(PORT), "-o", "idle_timeout=2", port=PORT):
        def one(number):
            client = Client(("127.0.0.1", PORT))
            client.get("a")
            client.set(key, b"something")
            if number % 2:
                time.sleep(0.3)
            else:
                await_fin(client.sock.fileno())
            client.close()
        at_once(count, one)


def memcached_long_keys():
    """The same behind a key that hides `noreply` from who keeps only the edges of a message."""
    memcached_noreply(key="k" * 200)


def ftp(count=4):
    import ftplib
    with servers.directory() as home:
        with open(f"{home}/vsftpd.conf", "w") as file:
            file.write(f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={PORT}\nanonymous_enable=YES\nidle_session_timeout=2\n"
                       f"background=NO\nseccomp_sandbox=NO\nanon_root={home}\nsecure_chroot_dir={home}\n")
        with servers.process("vsftpd", f"{home}/vsftpd.conf", port=PORT):
            def one(number):
                client = ftplib.FTP()
                client.connect("127.0.0.1", PORT)
                client.login()
                client.pwd()
                time.sleep(0.3)
                if number % 2:
                    client.quit()
                else:
                    await_fin(client.sock.fileno())
                    client.close()
            at_once(count, one)


def pgbouncer_query_timeout(count=4):
    """It ends a query that takes too long."""
    import psycopg
    with servers.postgresql(PORT + 1), servers.directory("postgres") as home:
        with open(f"{home}/pgbouncer.ini", "w") as file:
            file.write(f"[databases]\npostgres = host=127.0.0.1 port={PORT + 1} user=postgres\n[pgbouncer]\n"
                       f"listen_addr = 127.0.0.1\nlisten_port = {PORT}\nauth_type = any\nunix_socket_dir =\n"
                       "query_timeout = 1\nignore_startup_parameters = extra_float_digits\n")
        with servers.process("pgbouncer", f"{home}/pgbouncer.ini", user="postgres", port=PORT):
            def one(number):
                connection = psycopg.connect(host="127.0.0.1", port=PORT, user="postgres", dbname="postgres", autocommit=True,
                                             prepare_threshold=None)
                try:
                    connection.execute("select pg_sleep(9)")
                    raise SystemExit("the query was answered")
                except psycopg.Error:
                    connection.close()
            at_once(count, one)


def pgbouncer(count=4):
    """Its own timeout for idle clients; it takes leave of the server's."""
    import psycopg
    with servers.postgresql(PORT + 1), servers.directory("postgres") as home:
        with open(f"{home}/pgbouncer.ini", "w") as file:
            file.write(f"[databases]\npostgres = host=127.0.0.1 port={PORT + 1} user=postgres\n[pgbouncer]\n"
                       f"listen_addr = 127.0.0.1\nlisten_port = {PORT}\nauth_type = any\nunix_socket_dir =\n"
                       "client_idle_timeout = 1\nserver_idle_timeout = 1\npool_mode = transaction\n"
                       "ignore_startup_parameters = extra_float_digits\n")
        with servers.process("pgbouncer", f"{home}/pgbouncer.ini", user="postgres", port=PORT):
            def one(number):
                connection = psycopg.connect(host="127.0.0.1", port=PORT, user="postgres", dbname="postgres", autocommit=True,
                                             prepare_threshold=None)
                connection.execute("select 1").fetchall()
                if number % 2:
                    time.sleep(0.3)
                else:
                    await_fin(connection.fileno())
                connection.close()
            at_once(count, one)


def pgpool(count=4):
    """Its limit for idle clients ends them with an error that is not fatal by its severity."""
    import psycopg
    with servers.postgresql(PORT + 1), servers.directory("postgres") as home:
        with open(f"{home}/pgpool.conf", "w") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {PORT}\nunix_socket_directories = '{home}'\npcp_port = {PORT + 2}\n"
                       f"pcp_socket_dir = '{home}'\npid_file_name = '{home}/pid'\nbackend_hostname0 = '127.0.0.1'\n"
                       f"backend_port0 = {PORT + 1}\nbackend_weight0 = 1\nbackend_clustering_mode = 'raw'\n"
                       "num_init_children = 6\nclient_idle_limit = 1\n")
        open(f"{home}/pcp.conf", "w").close()
        with servers.process("pgpool", "-n", "-f", f"{home}/pgpool.conf", "-F", f"{home}/pcp.conf", user="postgres", port=PORT):
            def one(number):
                connection = psycopg.connect(host="127.0.0.1", port=PORT, user="postgres", dbname="postgres", autocommit=True,
                                             sslmode="disable", prepare_threshold=None)
                connection.execute("select 1").fetchall()
                await_fin(connection.fileno())
                connection.close()
            at_once(count, one)


def only_answer(count=4):
    """One question, and an answer that takes its time and ends with the connection: FastCGI, finger."""
    import socket
    with socket.create_server(("127.0.0.1", PORT)) as listener:
        def answer(number):
            connection, _ = listener.accept()
            assert connection.recv(4096)
            time.sleep(0.3)
            connection.sendall(b"\x01\x06\0\x01done")
            connection.close()

        def ask(number):
            with socket.create_connection(("127.0.0.1", PORT)) as connection:
                connection.sendall(b"\x01\x01\0\x01question")
                assert connection.recv(4096) and connection.recv(4096) == b""
        at_once(2 * count, lambda number: answer(number) if number % 2 else ask(number))


globals()[PLAY]()
