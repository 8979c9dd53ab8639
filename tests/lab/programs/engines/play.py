#!/usr/bin/env python3
"""Has an agent record closes, and asks DuckDB, ClickHouse and pandas for them with the queries of the docs and the examples.

Every answer is compared with what the record's own lines say, read by Python's json.
"""
import collections
import contextlib
import glob
import gzip
import io
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading

import chdb.session
import duckdb
import pandas

AGENT, REPOSITORY = os.environ["AGENT"], pathlib.Path(os.environ["REPOSITORY"])
HERE = pathlib.Path.cwd()
RECORD, NODES = HERE / "record", HERE / "nodes"
CONNECTIONS = 60
WHERE = "/var/lib/whohungup/record"


def record():
    """Closes of both ends, of three kinds, in the record of a daemon."""
    daemon = subprocess.Popen(
        [AGENT, "run", "--listen", "127.0.0.1:0", "--record", RECORD], stderr=subprocess.PIPE, text=True)
    assert any(line.strip() == "ready" for line in daemon.stderr), "the daemon is not ready"
    drain = threading.Thread(target=daemon.stderr.read)
    drain.start()
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    for turn in range(CONNECTIONS):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.recv(4096)
        if turn % 3 == 0:
            # It hangs up on a request.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            client.close()
            continue
        server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        client.recv(4096)
        first, second = (client, server) if turn % 3 == 1 else (server, client)
        first.close()
        assert second.recv(1) == b""
        second.close()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(20) == 0
    drain.join()
    return listener.getsockname()[1]


def lines():
    """What is recorded, oldest first, as text."""
    for path in sorted(glob.glob(f"{RECORD}/closes-*.jsonl*")):
        with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
            yield from file


def split(closes, port):
    """A record for each of two nodes, as if its end had been recorded there; one connection is told differently."""
    pairs, strange = 0, None
    ends = {"client": {}, "server": {}}
    for text, close in closes:
        if close["server_port"] == port and close["role"] in ends:
            assert close["flow_id"] not in ends[close["role"]], "a flow has two clients or two servers"
            ends[close["role"]][close["flow_id"]] = close
    assert None not in ends["client"] and ends["client"].keys() == ends["server"].keys(), "not every end is joined"
    assert len(ends["client"]) == CONNECTIONS, len(ends["client"])
    for role, of_role in ends.items():
        folder = NODES / role
        folder.mkdir(parents=True)
        with open(folder / "closes-1.jsonl", "w") as file:
            for flow, close in of_role.items():
                if role == "client" and strange is None:
                    strange, close = flow, dict(close, closer="network", verdict="network")
                file.write(json.dumps(close) + "\n")
                pairs += 1
    return strange


def blocks(page, language):
    text = (REPOSITORY / page).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def counted(closes, *names):
    kept = (close for _, close in closes if not close["amends"])
    return collections.Counter(tuple(close[name] for name in names) for close in kept)


def same(what, answer, expected):
    assert answer == expected, f"{what}: {answer} instead of {expected}"
    print(f"{what}: {sum(expected.values())} closes in {len(expected)} groups")


def by_duckdb(closes, strange):
    [text] = [block for block in blocks("docs/record.md", "sql") if "read_json" in block]
    rows = duckdb.sql(text.replace(WHERE, str(RECORD))).fetchall()
    same("duckdb: record", {row[:3]: row[3] for row in rows}, counted(closes, "server_port", "verdict", "cause"))
    disagree, whom = [block for block in blocks("docs/two-nodes.md", "sql") if "read_json" in block]
    os.chdir(HERE)
    found = duckdb.sql(disagree)
    rows = [dict(zip(found.columns, row)) for row in found.fetchall()]
    assert len(rows) == 1, rows
    row = rows[0]
    assert (row["client_node"], row["server_node"]) == ("client", "server"), row
    assert (row["client_blames"], row["client_says"]) == ("network", "network"), row
    print("duckdb: the one connection of which the two ends disagree")
    joined = sum(row[-1] for row in duckdb.sql(whom).fetchall())
    assert joined == CONNECTIONS, joined
    print(f"duckdb: {joined} of {CONNECTIONS} connections joined")


def by_clickhouse(closes, strange):
    session = chdb.session.Session()
    ask = lambda text: [json.loads(line) for line in session.query(text, "JSONEachRow").bytes().decode().splitlines()]
    [text] = [block for block in blocks("docs/record.md", "sql") if "JSONEachRow" in block]
    rows = ask(text.replace(WHERE, str(RECORD)).strip().rstrip(";"))
    key = lambda row: (row["server_port"] or None, row["verdict"])
    same("clickhouse: record", {key(row): int(row["closes"]) for row in rows}, counted(closes, "server_port", "verdict"))

    examples = REPOSITORY / "deploy/examples/clickhouse"
    statements = lambda path: [part.strip() for part in re.sub(r"--[^\n]*", "", path.read_text()).split(";") if part.strip()]
    session.query("CREATE DATABASE closes")
    session.query("USE closes")
    for statement in statements(examples / "schema.sql"):
        session.query(statement)
    for node in ("client", "server"):
        session.query(f"INSERT INTO closes_json SELECT '{node}', line FROM file('{NODES}/{node}/closes-*.jsonl', 'LineAsString')")
    [stored] = ask("SELECT count() AS closes, countIf(flow_id != '') AS flows, uniqExact(flow_id) AS joined FROM closes FINAL")
    assert [int(stored[name]) for name in ("closes", "flows", "joined")] == [2 * CONNECTIONS, 2 * CONNECTIONS, CONNECTIONS], stored
    [counts] = ask("SELECT sum(closes) AS closes FROM closes_by_minute")
    assert int(counts["closes"]) == 2 * CONNECTIONS, counts
    print(f"clickhouse: schema, {stored['closes']} closes through the materialised views")
    for statement in statements(examples / "queries.sql"):
        print(f"clickhouse: query, {len(ask(statement))} rows")
    [text] = [block for block in blocks("docs/two-nodes.md", "sql") if "clickhouse" in block]
    [row] = ask(text.strip().rstrip(";"))
    assert (row["client_node"], row["client_blames"]) == ("client", "network"), row
    print("clickhouse: the one connection of which the two ends disagree")


def by_pandas(closes, strange):
    [text] = blocks("docs/record.md", "python")
    said = io.StringIO()
    scope = {}
    with contextlib.redirect_stdout(said):
        exec(text.replace(WHERE, str(RECORD)), scope)
    # A column with nulls is one of floating numbers.
    shown = scope["closes"][~scope["closes"].amends].groupby(["server_port", "verdict"]).size()
    expected = {key: count for key, count in counted(closes, "server_port", "verdict").items() if key[0] is not None}
    same("pandas: record", {(int(port), verdict): count for (port, verdict), count in shown.items()}, expected)
    assert said.getvalue().strip(), "nothing was printed"


port = record()
closes = [(text, json.loads(text)) for text in lines()]
strange = split(closes, port)
by_duckdb(closes, strange)
by_clickhouse(closes, strange)
by_pandas(closes, strange)
