#!/usr/bin/python3
"""A server that ends idle connections after T seconds, and clients that hold them for longer.
 idle.py serve PORT T [ADDRESS]     answers until it is ended
 idle.py ask PORT TIMES [ADDRESS]   uses a connection again after 0.4 s and after 1.3 s; prints what was answered and lost
 idle.py hold PORT TIMES [ADDRESS]  asks once on each of so many connections, and holds them until the server ends them
ADDRESS is this host where it is not given."""
import socket, sys, threading, time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUESTION = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


LOOPBACK = "127.0.0.1"


def serve(port, idle, address=LOOPBACK):
    def answer(connection):
        connection.settimeout(idle)
        try:
            while connection.recv(4096):
                connection.sendall(ANSWER)
        except OSError:
            pass
        connection.close()

    listener = socket.create_server((address, port))
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def listens(port):
    """Without a connect, which would be refused and told of. State 0A, net/ipv4/tcp_ipv4.c."""
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in open("/proc/net/tcp"))


def connect(port, address):
    if address != LOOPBACK:
        return socket.create_connection((address, port))
    for _ in range(400):
        if listens(port):
            return socket.create_connection((LOOPBACK, port))
        time.sleep(0.05)
    sys.exit(f"nobody listens at {port}")


def question(connection):
    try:
        connection.sendall(QUESTION)
        return bool(connection.recv(99))
    except OSError:
        return False


def ask(port, times, address=LOOPBACK):
    answered = lost = 0
    for _ in range(times):
        with connect(port, address) as connection:
            question(connection)
            for gap in (0.4, 1.3):
                time.sleep(gap)
                if not question(connection):
                    lost += 1
                    break
                answered += 1
    print("answered", answered, "lost", lost, flush=True)


def hold(port, times, address=LOOPBACK):
    held = [connect(port, address) for _ in range(times)]
    print("held", sum(question(connection) for connection in held), flush=True)
    for connection in held:
        try:
            connection.recv(99)
        except OSError:
            pass


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
else:
    {"ask": ask, "hold": hold}[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
