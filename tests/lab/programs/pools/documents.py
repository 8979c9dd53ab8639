#!/usr/bin/env python3
"""PyMongo on a server that speaks MongoDB's protocol, librdkafka and aiokafka on librdkafka's own broker.  documents.py PLAY PORT"""
import asyncio, ctypes, subprocess, sys, time
import servers
from servers import at_once

PLAY, PORT = sys.argv[1], int(sys.argv[2])
CLONE_NEWNET = 0x40000000


def mongodb(count=4):
    """Half of the clients' pools close what is idle; the others' connections end with the server's process."""
    import pymongo
    with servers.directory() as home:
        command = ["nx-27017", "--db", "memory", "--port", str(PORT), "--log-file", f"{home}/log", "--pid-file", f"{home}/pid"]
        with servers.process(*command, port=PORT) as server:
            def one(number):
                options = {"maxIdleTimeMS": 1000} if number % 2 else {}
                client = pymongo.MongoClient("127.0.0.1", PORT, directConnection=True, serverMonitoringMode="poll", **options)
                for _ in range(3):
                    client.lab.things.insert_one({"a": number})
                    assert client.lab.things.find_one({"a": number})
                    time.sleep(0.2)
                clients.append(client)
            clients = []
            at_once(count, one)
            time.sleep(3.5)
            server.kill()
            server.wait()
            time.sleep(0.3)
            for client in clients:
                client.close()


def alone_with(port, begin):
    """`begin` listens at a port that the kernel chooses, and in a network of its own that can only be `port`."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise SystemExit(f"a network of its own: error {ctypes.get_errno()}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    ports = "/proc/sys/net/ipv4/ip_local_port_range"
    with open(ports) as file:
        before = file.read()
    with open(ports, "w") as file:
        file.write(f"{port} {port}")
    begun = begin()
    servers.wait_for_port(port)
    with open(ports, "w") as file:
        file.write(before)
    return begun


def kafka():
    """A client that closes what is idle for a second, and one whose broker ends."""
    from aiokafka import AIOKafkaProducer
    from confluent_kafka import Producer
    broker = alone_with(PORT, lambda: Producer({"test.mock.num.brokers": 1, "log_level": 0}))
    where = f"127.0.0.1:{PORT}"

    def librdkafka():
        client = Producer({"bootstrap.servers": where, "connections.max.idle.ms": 1000, "log_level": 0})
        client.produce("things", b"something")
        assert client.flush(20) == 0
        time.sleep(2.5)
        return client

    async def python():
        client = AIOKafkaProducer(bootstrap_servers=where, connections_max_idle_ms=1000)
        await client.start()
        await client.send_and_wait("things", b"something")
        await asyncio.sleep(0.5)
        await client.stop()
    kept = librdkafka()
    asyncio.run(python())
    del kept, broker


globals()[PLAY]()
