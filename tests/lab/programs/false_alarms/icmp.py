# icmp.py HOST PORT OTHER: in a network namespace of its own. A request meets ICMP host-unreachable for a second, is
# sent again by TCP and answered; a connect to OTHER meets the same.
import errno
import socket
import subprocess
import sys
import threading
import time

host, port, other = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
RULES = f"""add table inet lab
add chain inet lab input {{ type filter hook input priority 0; }}
add rule inet lab input ip daddr {host} tcp dport {{ {port}, {other} }} reject with icmp type host-unreachable
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def nft(*rules, text=None):
    subprocess.run(["nft", *rules], input=text, text=True, check=True)


def serve(listener):
    connection, _ = listener.accept()
    with connection:
        while connection.recv(4096):
            connection.sendall(RESPONSE)


def receive(connection):
    answer = b""
    while len(answer) < len(RESPONSE):
        more = connection.recv(4096)
        assert more, "the server ended it"
        answer += more


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server((host, port))
server = threading.Thread(target=serve, args=(listener,))
server.start()
connection = socket.create_connection((host, port))
connection.settimeout(20)
connection.sendall(REQUEST)
receive(connection)
nft("-f", "-", text=RULES)
connection.sendall(REQUEST)
try:
    socket.create_connection((host, other), timeout=20)
    sys.exit("the connect did not fail")
except OSError as error:
    assert error.errno == errno.EHOSTUNREACH, error
time.sleep(1)
nft("delete", "table", "inet", "lab")
receive(connection)
time.sleep(0.4)
connection.close()
server.join()
