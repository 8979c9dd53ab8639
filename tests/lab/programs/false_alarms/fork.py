# fork.py HOST PORT: answers, forks, and closes its descriptor at once; the child holds the connection for 1.5 s more.
import os
import signal
import socket
import sys
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    if os.fork() == 0:
        listener.close()
        time.sleep(1.5)
        os._exit(0)
    connection.close()
