#!/usr/bin/env python3
# not a case: certificates, contexts and HTTP/2 frames for the others
import asyncio, atexit, os, select, socket, ssl, struct, subprocess, tempfile, threading, time

HERE = tempfile.mkdtemp()
os.chmod(HERE, 0o755)
CERT, KEY = HERE + "/cert", HERE + "/key"
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", KEY, "-out", CERT],
               check=True, stderr=subprocess.DEVNULL)
for name in (CERT, KEY):
    os.chmod(name, 0o644)
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lab\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


def only(context, version):
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


def server(version=None, protocols=()):
    context = only(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), version)
    context.load_cert_chain(CERT, KEY)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def trusting(version=None, protocols=()):
    context = only(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), version)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def connect(port, context):
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(plain, server_hostname="localhost")


def listen(port):
    listener = socket.create_server(("127.0.0.1", port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def on_asyncio(port, context, idle):
    """A server that says goodbye after so many idle seconds, and waits for the answer; returns when it listens."""
    ready = threading.Event()

    async def handle(reader, writer):
        try:
            while True:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), idle)
                writer.write(OK)
        except (TimeoutError, asyncio.TimeoutError, asyncio.IncompleteReadError, OSError):
            writer.close()

    async def serve():
        await asyncio.start_server(handle, "127.0.0.1", port, ssl=context)
        ready.set()
        await asyncio.sleep(60)

    threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()
    ready.wait()


def reachable(port):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(.05)
    raise SystemExit(f"nothing listens at {port}")


def started(*command, **options):
    """A program that ends with this one."""
    process = subprocess.Popen(command, **options)
    atexit.register(lambda: (process.terminate(), process.wait()))
    return process


def until_word(*connections):
    """Something has come on each, which nobody reads: the other side's goodbye."""
    for one in connections:
        assert select.select([one], [], [], 20)[0], "no word has come"


def together(connection, *messages):
    """Each in a record of its own, and all in one segment."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for message in messages:
        connection.sendall(message)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def until_end(connection):
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(index, value):
    return (bytes([index]) if index < 15 else bytes([15, index - 15])) + bytes([len(value)]) + value


def headers(stream, path=b"/"):
    block = b"\x82\x87" + literal(4, path) + literal(1, b"localhost") + literal(58, b"some-client/1.0")
    return frame(1, 5, stream, block)


def http2(port, version=None):
    connection = connect(port, trusting(version, ["h2"]))
    connection.settimeout(10)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
    connection.recv(65536)
    connection.sendall(frame(4, 1, 0))
    return connection


def get(connection, stream, path=b"/"):
    connection.sendall(headers(stream, path))


def got(connection, stream):
    """Reads up to the end of a stream's response."""
    held = b""
    while True:
        held += connection.recv(65536)
        at = held
        while len(at) >= 9 and len(at) >= 9 + int.from_bytes(at[:3], "big"):
            length, flags = int.from_bytes(at[:3], "big"), at[4]
            if at[3] in (0, 1) and flags & 1 and int.from_bytes(at[5:9], "big") == stream:
                return
            at = at[9 + length:]
        held = at


def nginx(listens, rest="", keepalive="1s"):
    folders = "".join(f"{x}_temp_path {HERE}/{x};" for x in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = (f"daemon off; pid {HERE}/p; error_log {HERE}/e; events {{}} http {{ access_log off; {folders} "
            f"keepalive_timeout {keepalive}; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {CERT}; ssl_certificate_key {KEY}; server {{ "
            + "".join(f"listen 127.0.0.1:{port} {how};" for port, how in listens)
            + f" location / {{ return 200 hello; }} {rest} }} }}")
    with open(HERE + "/nginx.conf", "w") as file:
        file.write(text)
    started("nginx", "-e", HERE + "/e", "-c", HERE + "/nginx.conf")
    reachable(listens[0][0])
