# queue.py HOST PORT: accepts nothing, closes its listener after 1.5 s, and lives on.
import socket
import sys
import time

listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=16)
time.sleep(1.5)
listener.close()
time.sleep(30)
