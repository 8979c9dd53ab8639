#!/usr/bin/env python3
"""PostgreSQL and MariaDB by HikariCP and their JDBC drivers.  java.py PLAY PORT"""
import os, subprocess, sys
import servers

JARS = ":".join(f"/usr/share/java/{jar}.jar" for jar in ("HikariCP", "slf4j-api", "slf4j-simple", "postgresql", "mariadb-java-client"))


def url(port, database):
    if database == "postgresql":
        return f"jdbc:postgresql://127.0.0.1:{port}/postgres?user=postgres"
    return f"jdbc:mariadb://127.0.0.1:{port}/mysql?user=root"


def pool(where, size, gaps, *properties, options=()):
    """What the pool lost: queries that failed, and connections of which it found out as it tried them."""
    program = f"{os.path.dirname(os.path.abspath(__file__))}/Pool.java"
    command = ["java", "-Xmx128m", *options, "-cp", JARS, program, where, str(size), ",".join(str(gap) for gap in gaps), *properties]
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if told.returncode:
        raise SystemExit(f"the pool ended with {told.returncode}: {told.stderr[-2000:]}")
    return int(told.stdout.split()[-1]), told.stderr.count("Failed to validate connection")


def idle_race(port, database, server):
    """Every connection is tried before it is used again, and was closed: each try is lost."""
    with server:
        # Closes of one moment are one piece of evidence.
        lost, tried = pool(url(port, database), 4, [2500, 2600, 2700])
        assert (lost, tried) == (0, 12), (lost, tried)


def retire(port, database, server):
    """The pool's own idle timeout and, in another pool, its longest life."""
    with server:
        often = ["-Dcom.zaxxer.hikari.housekeeping.periodMs=1000"]
        servers.at_once(2, lambda which: pool(url(port, database), 4, [13000], "minimumIdle=0", "idleTimeout=10000", options=often)
                        if which else pool(url(port, database), 4, [33000], "maxLifetime=30000"))


def main(play, port):
    postgresql, mariadb = servers.postgresql, servers.mariadb
    plays = {
        "postgresql_idle_race": lambda: idle_race(port, "postgresql", postgresql(port, idle_session_timeout="'1s'")),
        "mariadb_idle_race": lambda: idle_race(port, "mariadb", mariadb(port, wait_timeout=1)),
        "postgresql_retire": lambda: retire(port, "postgresql", postgresql(port)),
        "mariadb_retire": lambda: retire(port, "mariadb", mariadb(port)),
    }
    plays[play]()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
