#!/usr/bin/env python3
"""RabbitMQ by pika, NATS by nats-py, Mosquitto by paho-mqtt.  brokers.py PLAY PORT"""
import asyncio, logging, sys, threading, time
import servers
from servers import at_once, await_fin, wait_for

PLAY, PORT = sys.argv[1], int(sys.argv[2])
logging.disable(logging.CRITICAL)


def rabbitmq(count=4):
    """Of each four: a farewell, a consumer whose connection is ended, one that publishes and is ended, a queue that is none."""
    import pika
    with servers.rabbitmq(PORT) as server:
        def one(number):
            where = pika.ConnectionParameters("127.0.0.1", PORT, heartbeat=0, client_properties={"connection_name": f"play{number}"})
            connection = pika.BlockingConnection(where)
            channel = connection.channel()
            channel.queue_declare(f"q{number}")
            channel.basic_publish("", f"q{number}", b"an item")
            if number % 4 == 0:
                connection.process_data_events(0.3)
                connection.close()
                return
            if number % 4 == 1:
                channel.basic_consume(f"q{number}", lambda ch, method, _, body: ch.basic_ack(method.delivery_tag))
                connection.process_data_events(0.5)
            pids = server.ask("list_connections", "pid", "client_properties").splitlines()
            pid = next(line.split("\t")[0] for line in pids if f'"play{number}"' in line)
            server.ask("close_connection", pid, "by the play")
            try:
                connection.process_data_events(5)
                connection.process_data_events(5)
            except pika.exceptions.AMQPError:
                pass
        at_once(count, one)


def rabbitmq_heartbeat(count=4):
    """Heartbeats each second for some seconds, then a farewell; others' process stops, and the server ends them."""
    import pika
    with servers.rabbitmq(PORT):
        def one(number):
            connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", PORT, heartbeat=2))
            connection.channel().queue_declare(f"q{number}")
            if number % 2:
                until = time.monotonic() + 4
                while time.monotonic() < until:
                    connection.process_data_events(0.5)
                connection.close()
            else:
                socket = connection._impl._transport._sock
                await_fin(socket.fileno(), 60)
        at_once(count, one)


def nats(count=4):
    """The server pings; clients answer, and go when idle. Others do not answer, and are ended."""
    with servers.directory() as home:
        with open(f"{home}/nats.conf", "w") as file:
            file.write(f'listen: "127.0.0.1:{PORT}"\nping_interval: "1s"\nping_max: 2\n')
        with servers.process("nats-server", "-c", f"{home}/nats.conf", port=PORT):
            async def polite():
                import nats as library
                connection = await library.connect(f"nats://127.0.0.1:{PORT}", allow_reconnect=False)
                got = []

                async def take(message):
                    got.append(message)
                await connection.subscribe("news", cb=take)
                await connection.publish("news", b"something")
                await connection.flush()
                await asyncio.sleep(3.4)
                assert got
                await connection.close()

            def deaf():
                import socket
                connection = socket.create_connection(("127.0.0.1", PORT))
                assert connection.recv(4096).startswith(b"INFO ")
                connection.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
                await_fin(connection.fileno())
                connection.close()
            at_once(count, lambda number: asyncio.run(polite()) if number % 2 else deaf())


def nats_denied(count=4):
    """An error that the connection outlives; the client goes later."""
    with servers.directory() as home:
        with open(f"{home}/nats.conf", "w") as file:
            file.write(f'listen: "127.0.0.1:{PORT}"\nauthorization {{ users = [{{ user: a, password: b, permissions: {{ publish: "news" }} }}] }}\n')
        with servers.process("nats-server", "-c", f"{home}/nats.conf", port=PORT):
            def one(number):
                import socket
                with socket.create_connection(("127.0.0.1", PORT)) as connection:
                    assert connection.recv(4096).startswith(b"INFO ")
                    connection.sendall(b'CONNECT {"verbose":false,"user":"a","pass":"b"}\r\nPUB secrets 2\r\nhi\r\n')
                    assert b"Permissions Violation" in connection.recv(4096)
                    time.sleep(0.4)
            at_once(count, one)


def nats_shutdown(count=4):
    with servers.process("nats-server", "-a", "127.0.0.1", "-p", str(PORT), port=PORT) as server:
        ready = []

        async def one():
            import nats as library
            connection = await library.connect(f"nats://127.0.0.1:{PORT}", allow_reconnect=False, error_cb=ignore)
            await connection.flush()
            ready.append(1)
            while connection.is_connected:
                await asyncio.sleep(0.05)
            await connection.close()

        async def ignore(_):
            pass

        def stop():
            wait_for("all", lambda: len(ready) == count)
            time.sleep(0.5)
            server.terminate()
        at_once(count + 1, lambda number: stop() if number == count else asyncio.run(one()))


def mqtt(count=4):
    """Publishes and subscribes, with pings in between; then a farewell, or a client that says nothing for too long."""
    import paho.mqtt.client as library
    with servers.directory("mosquitto") as home:
        with open(f"{home}/mosquitto.conf", "w") as file:
            file.write(f"listener {PORT} 127.0.0.1\nallow_anonymous true\n")
        with servers.process("mosquitto", "-c", f"{home}/mosquitto.conf", port=PORT):
            def one(number):
                client = library.Client(library.CallbackAPIVersion.VERSION2, client_id=f"play{number}")
                done = threading.Event()
                client.on_subscribe = lambda *_: client.publish("news", "something", qos=number % 2)
                client.on_message = lambda *_: done.set()
                client.connect("127.0.0.1", PORT, keepalive=1 if number < 2 else 2)
                client.loop_start()
                client.subscribe("news", qos=1)
                assert done.wait(20)
                if number < 2:
                    time.sleep(2.5)
                    client.disconnect()
                    client.loop_stop()
                else:
                    client.loop_stop()
                    await_fin(client.socket().fileno())
                    client.socket().close()
            at_once(count, one)


globals()[PLAY]()
