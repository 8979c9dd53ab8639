#!/usr/bin/env python3
"""The last answer leaves in one segment with the server's FIN (mini_httpd, MSG_MORE), and says that it is the last; the client
asks again all the same. PORT"""
import socket, sys, time
port = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", port))
ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
for _ in range(4):
    client = socket.create_connection(("127.0.0.1", port))
    end = listener.accept()[0]
    client.sendall(ASK)
    end.recv(65536)
    end.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", socket.MSG_MORE)
    end.close()
    time.sleep(0.01)
    client.sendall(ASK)
    time.sleep(0.2)
    client.close()
