#!/usr/bin/env python3
"""php-fpm behind nginx (fastcgi_keep_conn) in small: a protocol that is not read. The worker has read the third request but for its
last 8 bytes (an empty STDIN record), works on it for 0.3 s and is killed: the kernel resets. PORT"""
import os, signal, socket, sys, time
port = int(sys.argv[1])
ASK = b"\x01\x01\x00\x01\x00\x08\x00\x00" + b"\x00\x01\x01\x00\x00\x00\x00\x00" + b"\x01\x05\x00\x01\x00\x00\x00\x00"
ANSWER = b"\x01\x06\x00\x01\x00\x02\x06\x00ok\0\0\0\0\0\0" + b"\x01\x03\x00\x01\x00\x08\x00\x00" + b"\0" * 8
listener = socket.create_server(("127.0.0.1", port))


def whole(end, size):
    got = b""
    while len(got) < size:
        got += end.recv(size - len(got))


for _ in range(4):
    read, told = os.pipe()
    worker = os.fork()
    if worker == 0:
        end, _peer = listener.accept()
        for _request in range(2):
            whole(end, len(ASK))
            end.sendall(ANSWER)
        whole(end, len(ASK) - 8)
        os.write(told, b"x")
        time.sleep(30)
    client = socket.create_connection(("127.0.0.1", port))
    for _request in range(2):
        client.sendall(ASK)
        whole(client, len(ANSWER))
        time.sleep(0.2)
    client.sendall(ASK)
    os.read(read, 1)
    time.sleep(0.3)
    os.kill(worker, signal.SIGTERM)
    os.waitpid(worker, 0)
    try:
        client.recv(99)
    except ConnectionResetError:
        pass
    client.close()
