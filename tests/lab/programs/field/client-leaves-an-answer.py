#!/usr/bin/env python3
"""A large answer of a protocol that is not read (PostgreSQL's COPY in small): the client reads 10 kB of 20 MB and is killed, or closes.
PORT kill|close"""
import os, signal, socket, sys, time
port, how = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", port))
if (server := os.fork()) == 0:
    while True:
        end = listener.accept()[0]
        try:
            for _ in range(2):
                end.recv(100)
                end.sendall(b"\x00\x00\x01answer" * 3)
            end.recv(100)
            end.sendall(b"\x00\xff\x01" * 7_000_000)
        except OSError:
            pass
        end.close()
for _ in range(4):
    if (client := os.fork()) == 0:
        end = socket.create_connection(("127.0.0.1", port))
        for _ in range(2):
            end.sendall(b"\x01\x00question")
            end.recv(100)
            time.sleep(0.2)
        end.sendall(b"\x01\x00copy it")
        end.recv(10_000, socket.MSG_WAITALL)
        time.sleep(0.1)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        end.close()
        os._exit(0)
    os.waitpid(client, 0)
    time.sleep(0.2)
os.kill(server, signal.SIGTERM)
os.waitpid(server, 0)
