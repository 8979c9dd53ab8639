"""Starts real servers for the plays, each with its own data in a directory of its own, and stops them again."""
import contextlib, fcntl, glob, os, pwd, shutil, signal, socket, subprocess, tempfile, threading, time


def wait_for(what, condition, within=40):
    """Until `condition` holds: no play depends on how fast the host is."""
    until = time.monotonic() + within
    while True:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        if time.monotonic() > until:
            raise SystemExit(f"{what}: not within {within} s")
        time.sleep(0.02)


def listens(port):
    """By the table of sockets: a connection to try it would be one of the play's."""
    rows = [row.split() for table in ("/proc/net/tcp", "/proc/net/tcp6") for row in open(table)]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def wait_for_port(port):
    wait_for(f"a listener on port {port}", lambda: listens(port))


@contextlib.contextmanager
def directory(owner=None):
    path = tempfile.mkdtemp(prefix="whohungup-lab-")
    os.chmod(path, 0o755)
    if owner:
        os.chown(path, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run_as(user, *command, **options):
    return subprocess.run(["runuser", "-u", user, "--", *command], check=True, stdout=subprocess.DEVNULL, **options)


@contextlib.contextmanager
def process(*command, user=None, port=None, **options):
    """A server in the foreground."""
    if user:
        command = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", "--", *command]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        if port:
            wait_for_port(port)
        yield server
        # What ends within 50 ms of the listener is part of a shutdown.
        time.sleep(0.2)
    finally:
        if server.poll() is None:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextlib.contextmanager
def postgresql(port, tls=False, **settings):
    """PostgreSQL; `stop(mode)` of what it yields stops it."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    with directory("postgres") as home:
        data = f"{home}/data"
        run_as("postgres", f"{programs}/initdb", "-N", "-A", "trust", "-D", data, cwd=home)
        with open(f"{data}/pg_hba.conf", "w") as rules:
            rules.write("local all all trust\nhost all denied 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
        with open(f"{data}/postgresql.auto.conf", "w") as file:
            values = dict(port=port, fsync="off", unix_socket_directories=f"'{home}'", listen_addresses="'127.0.0.1'")
            if tls:
                certificate(home, "postgres")
                values |= dict(ssl="on", ssl_cert_file=f"'{home}/cert.pem'", ssl_key_file=f"'{home}/key.pem'")
            file.writelines(f"{name} = {value}\n" for name, value in (values | settings).items())
        with process(f"{programs}/postgres", "-D", data, user="postgres", port=port, cwd=home) as server:
            ready = [f"{programs}/pg_isready", "-q", "-h", home, "-p", str(port)]
            wait_for("PostgreSQL", lambda: subprocess.run(ready).returncode == 0)

            def stop(mode):
                run_as("postgres", f"{programs}/pg_ctl", "-D", data, "-m", mode, "-W", "stop", cwd=home)

            server.stop = stop
            server.socket = home
            yield server


def certificate(home, owner):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                    "-keyout", f"{home}/key.pem", "-out", f"{home}/cert.pem"], check=True, stderr=subprocess.DEVNULL)
    for name in ("key.pem", "cert.pem"):
        os.chmod(f"{home}/{name}", 0o600)
        os.chown(f"{home}/{name}", pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)


@contextlib.contextmanager
def mariadb(port, **settings):
    with directory("mysql") as home:
        # Of several at once some fail.
        with open(f"{tempfile.gettempdir()}/whohungup-lab-mariadb.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            subprocess.run(["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={home}/data", "--skip-test-db",
                            "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        command = ["mariadbd", "--no-defaults", f"--datadir={home}/data", f"--socket={home}/s", f"--port={port}",
                   "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", *options]
        with process(*command, user="mysql", port=port) as server:
            server.socket = f"{home}/s"
            yield server


@contextlib.contextmanager
def redis(port, *settings):
    with directory() as home:
        command = ["redis-server", "--port", str(port), "--save", "", "--daemonize", "no", "--dir", home,
                   "--unixsocket", f"{home}/s", *settings]
        with process(*command, port=port) as server:
            wait_for("Redis", lambda: os.path.exists(f"{home}/s"))
            server.socket = f"{home}/s"
            yield server


@contextlib.contextmanager
def rabbitmq(port):
    # It writes as the user rabbitmq, whose own node may run beside it.
    with directory("rabbitmq") as home:
        node = f"lab{port}@localhost"
        environment = dict(os.environ, RABBITMQ_NODENAME=node, RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_NODE_PORT=str(port),
                           RABBITMQ_DIST_PORT=str(port + 5000), RABBITMQ_MNESIA_BASE=f"{home}/mnesia", RABBITMQ_LOG_BASE=home,
                           RABBITMQ_PID_FILE=f"{home}/pid", RABBITMQ_ENABLED_PLUGINS_FILE=f"{home}/plugins",
                           RABBITMQ_CONFIG_FILE=f"{home}/rabbitmq", HOME=home, ERL_EPMD_PORT=str(port + 6000))
        with open(f"{home}/plugins", "w") as file:
            file.write("[].\n")
        open(f"{home}/rabbitmq.conf", "w").write("loopback_users = none\n")
        command = glob.glob("/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server")[0]
        control = glob.glob("/usr/lib/rabbitmq/lib/*/sbin/rabbitmqctl")[0]
        with process(command, user="rabbitmq", port=port, env=environment, cwd=home) as server:
            def ask(*words):
                user = ["setpriv", "--reuid=rabbitmq", f"--regid={pwd.getpwnam('rabbitmq').pw_gid}", "--clear-groups", "--"]
                told = subprocess.run([*user, control, "-q", "-n", node, *words], env=environment, cwd=home, check=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                return told.stdout.strip()

            wait_for("RabbitMQ", lambda: subprocess.run(
                [control, "-q", "-n", node, "await_startup"], env=environment, cwd=home, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, user="rabbitmq", group="rabbitmq", extra_groups=[]).returncode == 0)
            server.ask = ask
            yield server
        # The port mapper of the node outlives it.
        subprocess.run(["epmd", "-port", str(port + 6000), "-kill"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def at_once(count, function):
    """Runs `function` in so many threads; an error in one of them ends the play."""
    failed = []

    def guarded(number):
        try:
            function(number)
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def await_fin(descriptor, within=30):
    """Until the peer's FIN or reset is here; what it says before is left in place."""
    watched = socket.socket(fileno=os.dup(descriptor))

    def is_closed():
        # TCP_INFO's first byte: CLOSE_WAIT is 8, CLOSE is 7.
        return watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (7, 8)

    try:
        wait_for("the server's close", is_closed, within)
    finally:
        watched.close()


def leave_or_wait(number, descriptor):
    """Every other client leaves after a moment; for the others the server ends it."""
    if number % 2:
        time.sleep(0.3)
    else:
        await_fin(descriptor)


def race_in_sqlalchemy(url, descriptor_of, words):
    """A pool of one reuses a connection that the server has closed, and its query is not answered: with one of `words`."""
    from sqlalchemy import create_engine, text
    engine = create_engine(url, pool_size=1)
    with engine.connect() as connection:
        connection.execute(text("select 1")).fetchall()
        descriptor = descriptor_of(connection.connection.dbapi_connection)
    await_fin(descriptor)
    try:
        with engine.connect() as connection:
            connection.execute(text("select 1")).fetchall()
        raise SystemExit("the query was answered")
    except Exception as error:  # noqa: BLE001
        assert any(word in str(error) for word in words), error
    engine.dispose()
