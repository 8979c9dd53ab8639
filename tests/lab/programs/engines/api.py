#!/usr/bin/env python3
"""Asks a daemon's API what schemathesis makes of its OpenAPI document, and `whohungup mcp` by the official client of MCP."""
import asyncio
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import mcp
from mcp.client.stdio import StdioServerParameters

AGENT = os.environ["AGENT"]
RECORD = pathlib.Path.cwd() / "record"
CONNECTIONS = 30


def start():
    daemon = subprocess.Popen(
        [AGENT, "run", "--listen", "127.0.0.1:0", "--record", RECORD], stderr=subprocess.PIPE, text=True)
    url = None
    for line in daemon.stderr:
        if line.startswith("page at "):
            url = line.removeprefix("page at ").strip().rstrip("/")
        if line.strip() == "ready":
            break
    assert url, "the daemon named no address"
    threading.Thread(target=daemon.stderr.read, daemon=True).start()
    return daemon, url


def traffic():
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)
    for turn in range(CONNECTIONS):
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        server.recv(4096)
        if turn % 2:
            server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            client.recv(4096)
        for one in (server, client):
            one.close()
    return listener.getsockname()[1]


def by_schemathesis(url):
    run = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", f"{url}/api/v1/openapi.json", "--url", url,
         "--exclude-path", "/api/v1/events", "--max-examples", "50", "--seed", "1", "--checks", "all"],
        text=True, capture_output=True, timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr
    print("schemathesis:", next(line.strip() for line in reversed(run.stdout.splitlines()) if line.strip(" =")))


async def by_mcp(url, port):
    server = StdioServerParameters(command=AGENT, args=["mcp", "--from", url, "--record", str(RECORD)])
    async with mcp.Client(mcp.stdio_client(server)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"list_services", "report", "query_closes", "explain_close"}, tools
        # Once every close is recorded, it is in every answer.
        for _ in range(100):
            answer = (await client.call_tool("query_closes", {"port": port, "limit": 5})).structured_content
            if answer["found"] == 2 * CONNECTIONS:
                break
            await asyncio.sleep(0.1)
        assert answer["found"] == 2 * CONNECTIONS and len(answer["closes"]) == 5, answer
        services = (await client.call_tool("list_services", {"port": port})).structured_content["services"]
        assert {service["role"] for service in services} == {"client", "server"}, services
        report = await client.call_tool("report", {"port": port})
        assert str(port) in report.content[0].text, report
        close = answer["closes"][0]
        told = (await client.call_tool("explain_close", {"id": close["id"]})).structured_content
        assert told["close"]["id"] == close["id"] and told["summary"] == close["summary"], told
        refused = await client.call_tool("query_closes", {"since": "soon"})
        assert refused.is_error, refused
        print(f"mcp: {len(tools)} tools, {answer['found']} closes found, one explained: {told['summary']}")


daemon, url = start()
try:
    port = traffic()
    asyncio.run(by_mcp(url, port))
    by_schemathesis(url)
finally:
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(20)
